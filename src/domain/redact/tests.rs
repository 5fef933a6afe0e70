//! Planted secrets in every encoding, ids and counts that must stay, and bytes that arrive in any parts.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Rules are made ready once; each test has stubs of its own.
static FINDER: LazyLock<Arc<Finder>> =
    LazyLock::new(|| Arc::new(Finder::new(Rules::built_in().expect("sound")).expect("sound")));

fn veil() -> Veil {
    Veil::over(Arc::clone(&FINDER), b"a key of the test", HashSet::new())
}

fn veiled_in(veil: &mut Veil, bytes: &[u8], step: usize) -> Vec<u8> {
    let (mut stream, mut out) = (Stream::default(), Vec::new());
    for part in bytes.chunks(step) {
        veil.feed(&mut stream, part, &mut out, &mut |_| {});
    }
    veil.finish(stream, &mut out, &mut |_| {});
    out
}

pub(super) fn veiled(bytes: &[u8]) -> String {
    String::from_utf8(veiled_in(&mut veil(), bytes, 1 << 20)).expect("stays text")
}

/// Letters and digits that look made by chance, the same each time.
fn filler(alphabet: &str, size: usize, seed: u64) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    (0..size)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            letters[(state >> 33) as usize % letters.len()]
        })
        .collect()
}

const ANY: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The same sort of letters, others for each number.
fn vary(text: &str, by: usize) -> String {
    let turn = |letter: u8, first: u8, count: u8| first + (letter - first + (by % usize::from(count)) as u8) % count;
    text.bytes()
        .map(|letter| {
            char::from(match letter {
                b'0'..=b'9' => turn(letter, b'0', 10),
                b'a'..=b'f' => turn(letter, b'a', 6),
                b'g'..=b'z' => turn(letter, b'g', 20),
                b'A'..=b'Z' => turn(letter, b'A', 26),
                other => other,
            })
        })
        .collect()
}

/// Writes a secret into a sentence.
type Sentence<'a> = &'a dyn Fn(&str) -> String;

/// A kind of secret: what it is, the text it stands in, and the part of it that must not be left.
fn planted(seed: u64) -> Vec<(&'static str, String, String)> {
    let any = |size: usize| filler(ANY, size, seed);
    let hex = |size: usize| filler(HEX, size, seed);
    let mut all: Vec<(&'static str, String, String)> = Vec::new();
    for (kind, prefix, rest) in [
        ("anthropic", "sk-ant-api03-", any(80)),
        ("openai", "sk-proj-", any(48)),
        ("openai old", "sk-", any(48)),
        ("openrouter", "sk-or-v1-", hex(64)),
        ("google", "AIza", any(35)),
        ("google oauth", "ya29.", any(60)),
        ("google client", "GOCSPX-", any(28)),
        ("aws", "AKIA", filler(CAPITALS, 16, seed)),
        ("github", "ghp_", any(36)),
        ("github fine", "github_pat_", any(70)),
        ("gitlab", "glpat-", any(20)),
        ("slack", "xoxb-", format!("123456789012-{}", any(24))),
        ("slack app", "xapp-1-", any(40)),
        ("stripe", "sk_live_", any(24)),
        ("stripe hook", "whsec_", any(32)),
        ("square", "sq0atp-", any(22)),
        ("twilio", "SK", hex(32)),
        ("mailgun", "key-", hex(32)),
        ("npm", "npm_", any(36)),
        ("pypi", "pypi-AgEIcHlwaS5vcmc", any(70)),
        ("rubygems", "rubygems_", hex(48)),
        ("docker", "dckr_pat_", any(27)),
        ("hugging face", "hf_", any(34)),
        ("replicate", "r8_", any(37)),
        ("groq", "gsk_", any(52)),
        ("xai", "xai-", any(80)),
        ("langsmith", "lsv2_pt_", hex(42)),
        ("digitalocean", "dop_v1_", hex(64)),
        ("databricks", "dapi", hex(32)),
        ("supabase", "sbp_", hex(40)),
        ("vault", "hvs.", any(24)),
        ("doppler", "dp.pt.", any(43)),
        ("shopify", "shpat_", hex(32)),
        ("linear", "lin_api_", any(40)),
        ("figma", "figd_", any(40)),
        ("postman", "PMAK-", format!("{}-{}", hex(24), hex(34))),
        ("newrelic", "NRAK-", any(27)),
        ("sentry", "sntrys_", any(60)),
        ("grafana", "glsa_", format!("{}_{}", any(32), hex(8))),
        ("airtable", "pat", format!("{}.{}", any(14), hex(64))),
        ("atlassian", "ATATT3", any(60)),
        ("age", "AGE-SECRET-KEY-1", filler(CAPITALS, 58, seed)),
    ] {
        let rest = vary(&rest, all.len());
        let secret = format!("{prefix}{rest}");
        all.push((kind, format!("use {secret} for it"), rest));
    }
    let basic = |text: &str| STANDARD.encode(format!("ada:{text}"));
    let standing: [(&str, usize, Sentence<'_>); 22] = [
        ("sendgrid", 43, &|s| format!("mail with SG.{}.{s}", &s[..22])),
        ("telegram", 33, &|s| format!("bot is 123456789:AA{s}")),
        ("jwt", 43, &|s| format!("cookie jar: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.{s}")),
        ("pem", 64, &|s| {
            format!("file:\n-----BEGIN RSA PRIVATE KEY-----\n{s}\nabcd\n-----END RSA PRIVATE KEY-----\nrest")
        }),
        ("bearer", 30, &|s| format!("Authorization: Bearer {s}")),
        ("basic", 12, &|s| format!("authorization: Basic {}\nnext", basic(s))),
        ("url", 14, &|s| format!("postgres://ada:{s}@db.example.com/shop")),
        ("connection string", 14, &|s| format!("Server=db;User Id=ada;Password={s};Encrypt=yes")),
        ("azure storage", 86, &|s| format!("AccountName=a;AccountKey={s}==;EndpointSuffix=core")),
        ("env", 14, &|s| format!("export DB_PASSWORD={s}\nOTHER=1")),
        ("flag", 14, &|s| format!("login --password {s} --now")),
        ("header", 20, &|s| format!("X-Api-Key: {s}")),
        ("cookie", 26, &|s| format!("Cookie: theme=dark; sid={s}")),
        ("set-cookie", 26, &|s| format!("set-cookie: sid={s}; Path=/")),
        ("xml", 14, &|s| format!("<password>{s}</password>")),
        ("yaml", 14, &|s| format!("db:\n  password: {s}\n  port: 5432")),
        ("python", 24, &|s| format!("client_secret = '{s}'")),
        ("query", 20, &|s| format!("https://api.example.com/v1?api_key={s}&x=1")),
        ("webhook", 24, &|s| format!("https://hooks.slack.com/services/T0{0}/B0{0}/{s}", &s[..8])),
        ("curl", 14, &|s| format!("curl -u ada:{s} https://api.example.com")),
        ("header in quotes", 20, &|s| format!("curl -H \"X-Auth-Token: {s}\" -d x")),
        ("email", 8, &|s| format!("write to ada.{s}@example.com today")),
    ];
    for (kind, size, text) in standing {
        let secret = vary(&any(size), all.len());
        all.push((kind, text(&secret), secret));
    }
    all.push(("card", "paid with 4111 1111 1111 1111 today".into(), "4111 1111".into()));
    all.push(("phone", "call +49 30 1234 5678 now".into(), "1234 5678".into()));
    all
}

/// Ways to write a text, each with its name.
fn encodings(text: &str) -> Vec<(&'static str, String)> {
    let json = |text: &str| Value::String(text.to_owned()).to_string();
    let object = json!({ "message": text, "n": 1 }).to_string();
    let twice = json!({ "arguments": object, "id": "call_1" }).to_string();
    let thrice = json!([{ "payload": twice }]).to_string();
    let unicode: String = text.chars().map(|letter| format!("\\u{:04x}", letter as u32)).collect();
    let percent: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    vec![
        ("plain", text.to_owned()),
        ("a string", json(text)),
        ("an object", object.clone()),
        ("JSON in JSON", twice.clone()),
        ("JSON in JSON in JSON", thrice.clone()),
        ("a line of JSON lines", format!("{{\"a\":1}}\n{object}\n{{\"b\":2}}\n")),
        ("JSON in prose", format!("got {object} and {twice} back")),
        ("JSON cut in the middle", thrice[..thrice.len() - 4].to_owned()),
        ("unicode escapes", format!("{{\"a\":\"{unicode}\"}}")),
        ("base64", STANDARD.encode(text)),
        ("base64 of the web", format!("data {} end", URL_SAFE_NO_PAD.encode(text))),
        ("base64 in JSON", json!({ "blob": STANDARD.encode(text) }).to_string()),
        ("base64 of JSON", json!({ "blob": STANDARD.encode(&object) }).to_string()),
        ("base64 behind a path", format!("/tmp/x{}", STANDARD.encode(text))),
        ("percent signs", format!("q={percent}&x=1")),
        ("hex", format!("0x{}", hex::encode(text))),
    ]
}

#[test]
fn no_planted_secret_survives_in_any_encoding() {
    let kinds = planted(7);
    assert!(kinds.len() >= 60, "{}", kinds.len());
    let mut missed = Vec::new();
    for (kind, text, secret) in &kinds {
        for (encoding, written) in encodings(text) {
            let out = veiled(written.as_bytes());
            let base64: Vec<String> = (0..3)
                .map(|skip| STANDARD.encode(&secret.as_bytes()[skip..]).trim_end_matches('=').to_owned())
                .collect();
            let base64 = base64.iter().any(|encoded| out.contains(&encoded[..encoded.len() - 2]));
            if out.contains(secret.as_str()) || base64 || out.contains(&hex::encode(secret)) || out == written {
                missed.push(format!("{kind} as {encoding}: {out}"));
            }
            let was_json = serde_json::from_str::<Value>(&written).is_ok();
            if was_json && serde_json::from_str::<Value>(&out).is_err() {
                missed.push(format!("{kind} as {encoding} is no JSON any more: {out}"));
            }
            let again = veiled(out.as_bytes());
            if again != out {
                missed.push(format!("{kind} as {encoding} changes again:\n  {out}\n  {again}"));
            }
        }
    }
    assert!(missed.is_empty(), "{} missed\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn ids_counts_and_plain_words_stay_as_they_are() {
    for text in [
        r#"{"session_id":"550e8400-e29b-41d4-a716-446655440000","requestId":"req_011CSHoEeqs5C35K2UUqR7Fy","usage":{"input_tokens":1234567,"output_tokens":20,"total_tokens":1234587,"cache_read_input_tokens":99}}"#,
        r#"{"promptTokenCount":12,"token_count":4,"max_tokens":4096,"token_type":"Bearer","has_password":true,"password":null,"tokens":[1,2,3]}"#,
        r#"{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","commit":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}"#,
        r#"{"type":"object","properties":{"password":{"type":"string","description":"What the user types"},"token":{"type":"string"}}}"#,
        r#"{"timestamp":"2026-03-02T10:00:01.250Z","start_time_unix_nano":"1772445600250000000","latency_ms":1250,"id":4503599627370496123}"#,
        "The token budget is large. A secret is kept by two. const token = getToken(); let x = self.password;\n",
        "if (password === undefined) throw new Error('no password');\n  token: string;\n  password: ${DB_PASSWORD}\nPWD=/home/ada/blue\n",
        "src/domain/redact/mod.rs:120: error[E0433]: cannot find module `tokenizer` in crate `keyboard`\n",
        "/usr/lib/python3/dist-packages/some_module/another_module_name/file_with_long_name.py",
        "diff --git a/x b/x\nindex 83db48f..bf269f4 100644\n@@ -1,3 +1,4 @@\n",
        "https://example.com/a/b?page=2&sort=name#section-3 and git@github.com:ada/blue.git picture@2x.png",
    ] {
        assert_eq!(veiled(text.as_bytes()), text);
    }
}

#[test]
fn equal_secrets_have_equal_stubs_wherever_they_stand() {
    let key = format!("sk-ant-api03-{}", filler(ANY, 80, 1));
    let inner = json!({ "api_key": key }).to_string();
    let text = json!({ "x-api-key": key, "note": format!("use {key}."), "deep": inner, "other": format!("sk-ant-{}", filler(ANY, 40, 2)) });
    let out = veiled(text.to_string().as_bytes());
    let stubs: Vec<&str> =
        out.match_indices("[redacted:").map(|(at, _)| &out[at..=at + out[at..].find(']').expect("ends")]).collect();
    assert_eq!(stubs.len(), 4, "{out}");
    assert!(stubs[0] == stubs[1] && stubs[1] == stubs[2] && stubs[2] != stubs[3], "{out}");
    assert!(
        stubs[0].starts_with("[redacted:anthropic-key:1:") && stubs[3].starts_with("[redacted:anthropic-key:2:"),
        "{out}"
    );
}

#[test]
fn a_field_that_is_named_as_a_secret_is_hidden_whatever_it_holds() {
    let text = r#"{"password":"x y","pin_code":1234,"credentials":{"a":["b1",2],"type":"basic"},"headers":[["Cookie","a=b"],["Accept","*/*"]],
        "attributes":[{"key":"http.request.header.authorization","value":{"stringValue":"zz"}},{"key":"n","value":{"intValue":"3"}}],"token":""}"#;
    let out: Value = serde_json::from_str(&veiled(text.as_bytes())).expect("is JSON");
    let hidden = |value: &Value| value.as_str().is_some_and(|text| text.starts_with("[redacted:"));
    for place in [
        "/password",
        "/pin_code",
        "/credentials/a/0",
        "/credentials/a/1",
        "/headers/0/1",
        "/attributes/0/value/stringValue",
    ] {
        assert!(hidden(out.pointer(place).expect("there")), "{place}: {out}");
    }
    for (place, kept) in
        [("/credentials/type", "basic"), ("/headers/1/1", "*/*"), ("/attributes/1/value/intValue", "3"), ("/token", "")]
    {
        assert_eq!(out.pointer(place).expect("there"), kept, "{place}");
    }
}

#[test]
fn what_nobody_can_look_into_is_withheld_with_its_type_and_size() {
    let noise: Vec<u8> = filler(ANY, 6000, 3).bytes().map(|byte| byte.wrapping_mul(37)).collect();
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &noise].concat();
    let encoded = STANDARD.encode(&png);
    let size = png.len();
    assert_eq!(
        veiled(format!("![a](data:image/png;base64,{encoded})").as_bytes()),
        format!("![a]([withheld:image/png:{size}])")
    );
    assert_eq!(
        veiled(json!({ "data": encoded }).to_string().as_bytes()),
        format!("{{\"data\":\"[withheld:image/png:{size}]\"}}")
    );
    assert_eq!(veiled(&png), format!("[withheld:image/png:{size}]"));
    let packed = STANDARD.encode([b"\x1f\x8b\x08".as_slice(), &noise[..40]].concat());
    assert_eq!(veiled(packed.as_bytes()), "[withheld:gzip:43]");
}

#[test]
fn a_cut_secret_at_the_end_of_a_label_goes_too() {
    assert!(!veiled("Bash: curl -H sk-ant-api03-AbC1…".as_bytes()).contains("AbC1"));
    assert!(!veiled(b"token is ghp_a8").contains("a8"));
    // What seems to begin one inside a word does not hide where it does begin; the end of an escape is no word.
    for text in ["put slovakia/AKIAIOSF9…", r"one\nghp_a8Kd93", "at?q=%3Dghp_a8Kd93…", r"x\u003dghp_a8Kd93"] {
        let told = veiled(text.as_bytes());
        assert!(!told.contains("IOSF9") && !told.contains("a8Kd93"), "{told}");
    }
}

/// What can say that a value is a secret says more than what only lets it be looked at.
#[test]
fn a_name_of_more_words_hides_short_values_too() {
    for name in
        ["SESSION_SECRET", "AUTH_PASSWORD", "KEY_PASSWORD", "TWILIO_AUTH_TOKEN", "authToken", "AWS_SESSION_TOKEN"]
    {
        for text in [format!("{name}=blue-Horse7"), json!({ name: "blue-Horse7" }).to_string()] {
            assert!(!veiled(text.as_bytes()).contains("blue-Horse7"), "{text}");
        }
    }
    let text = r#"{"key":"blue-Horse7","session":"main","auth_token_count":12,"input_tokens":5}"#;
    assert_eq!(veiled(text.as_bytes()), text);
}

#[test]
fn codes_of_a_terminal_hide_no_secret() {
    let rest = filler(ANY, 36, 21);
    let (head, tail) = rest.split_at(15);
    for begin in ["\u{1b}[", "\u{9b}", "\\033[", "\\e[", "\\x1b[", "\\u001b["] {
        for text in [
            format!("{begin}32mghp_{rest}{begin}0m"),
            format!("one\\n{begin}1;32mghp_{rest}"),
            format!("use ghp_{head}{begin}1m{tail} now"),
            format!("{begin}34;1m\"password\"{begin}0m: {begin}32m\"{rest}\"{begin}0m"),
            format!("password{begin}0m={begin}32m{rest}{begin}0m\nnext"),
        ] {
            for text in [json!({ "log": text }).to_string(), text] {
                let out = veiled(text.as_bytes());
                assert!(!out.contains(head) && !out.contains(tail), "{text}\n{out}");
                assert_eq!(veiled(out.as_bytes()), out);
            }
        }
    }
}

#[test]
fn a_token_behind_other_letters_is_found_where_it_begins() {
    let rest = filler(ANY, 40, 22);
    let capitals = filler(CAPITALS, 16, 22);
    for (token, before) in [
        (format!("ghp_{rest}"), &["x_", "mcp__", "toolu_", "1", "x"][..]),
        (format!("github_pat_{rest}"), &["x_", "1", "x"]),
        (format!("sk-ant-api03-{rest}"), &["x_", "1", "x"]),
        (format!("sk-proj-{rest}"), &["x_", "1", "x"]),
        (format!("glpat-{rest}"), &["x_", "1", "x"]),
        (format!("xoxb-{rest}"), &["x_", "1", "x"]),
        (format!("npm_{rest}"), &["x_", "1", "x"]),
        (format!("hf_{rest}"), &["x_", "mcp__"]),
        (format!("AKIA{capitals}"), &["x_", "mcp__"]),
    ] {
        for before in before {
            let out = veiled(format!("use {before}{token} now").as_bytes());
            assert!(
                out.starts_with(&format!("use {before}[redacted:")) && out.ends_with("] now"),
                "{before}{token}: {out}"
            );
        }
    }
    let plain = "a task-ant-design-components and a task-learn-something-larger";
    assert_eq!(veiled(plain.as_bytes()), plain);
}

#[test]
fn a_private_key_goes_whatever_stands_before_its_lines() {
    let lines: Vec<String> = (0..6).map(|seed| filler(ANY, 64, 30 + seed)).chain([filler(ANY, 20, 40)]).collect();
    let (first, last) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    for before in ["", "> ", "+", "-", "   12→", "\u{1b}[32m", "12: ", "    \""] {
        let body = lines.iter().map(|line| format!("{before}{line}\n")).collect::<String>();
        for text in [
            format!("{before}{first}\n{body}{before}{last}\nrest"),
            format!("{before}{first}\n{body}"),
            format!("{body}{before}{last}\nrest"),
        ] {
            for text in [json!({ "file": text }).to_string(), text] {
                let out = veiled(text.as_bytes());
                // A quote may begin a word of its own, so that the short last line of a cut key stays.
                let mut kept = lines.iter().filter(|line| line.len() > 20 || !before.contains('"'));
                assert!(kept.all(|line| !out.contains(line.as_str())), "{text}\n{out}");
                assert_eq!(veiled(out.as_bytes()), out);
            }
        }
    }
}

/// `acca` is how some keys begin, and four hex digits.
#[test]
fn a_digest_in_which_a_secret_seems_to_begin_stays() {
    for digits in
        ["cd4327da9b2a15c5a4fa58887780bfe1ac5c85c2bdf72e038bacca5530b1f2e7", "acca27da9b2a15c5a4fa58887780bfe1"]
    {
        for text in [digits.to_owned(), format!("sha256:{digits}"), json!({ "sha256": digits }).to_string()] {
            assert_eq!(veiled(text.as_bytes()), text);
        }
    }
}

#[test]
fn rows_keep_their_numbers() {
    let row = r#"{"origin":4111111111111111,"label":"card 4111111111111111"}"#;
    let out = veil().row(row.as_bytes(), &mut |_| {}).expect("changed");
    let out = String::from_utf8(out).expect("is text");
    assert!(out.starts_with(r#"{"origin":4111111111111111,"label":"card [redacted:card:1:"#), "{out}");
}

/// Text of more than one window, with secrets in many places.
fn long(kinds: &[(&'static str, String, String)], size: usize) -> String {
    let words = "The quick brown fox looks at line 42 of the file and finds nothing (again). ";
    let mut text = String::new();
    while text.len() < size {
        for (at, (_, planted, _)) in kinds.iter().enumerate() {
            text.push_str(&words.repeat(20 + at * 7 % 31));
            text.push_str(if at % 3 == 0 { "\n" } else { "" });
            text.push_str(planted);
            text.push('\n');
        }
    }
    text
}

#[test]
fn long_bodies_are_searched_window_by_window_however_they_arrive() {
    let kinds = planted(11);
    for text in
        [long(&kinds, 5 << 20), json!([{ "log": long(&kinds, 5 << 20), "n": [4111111111111111_u64, 7] }]).to_string()]
    {
        let whole = veiled_in(&mut veil(), text.as_bytes(), 1 << 20);
        let out = String::from_utf8(whole.clone()).expect("stays text");
        for (kind, _, secret) in &kinds {
            assert!(!out.contains(secret.as_str()), "{kind}");
        }
        assert!(!text.starts_with('[') || serde_json::from_str::<Value>(&out).is_ok());
        assert!(veiled_in(&mut veil(), text.as_bytes(), 65_537) == whole);
    }
}

#[test]
fn a_long_picture_inside_json_passes_by() {
    let data = STANDARD.encode(filler(ANY, 5 << 20, 5).bytes().map(|byte| byte.wrapping_mul(91)).collect::<Vec<u8>>());
    let text = json!({ "before": "AKIA".to_owned() + &filler(CAPITALS, 16, 1), "url": format!("data:image/png;base64,{data}"), "password": "behind it" });
    let inner = text.to_string();
    for text in [inner.clone(), json!({ "arguments": inner }).to_string()] {
        let out = veiled_in(&mut veil(), text.as_bytes(), 100_000);
        let out = String::from_utf8(out).expect("stays text");
        assert!(out.len() < 500 && serde_json::from_str::<Value>(&out).is_ok(), "{}", &out[..out.len().min(900)]);
        assert!(out.contains("[withheld:image/png:") && !out.contains("behind it") && !out.contains("AKIA"), "{out}");
    }
}

#[test]
fn what_was_looked_at_and_spared_stays() {
    let text = b"mail ada@example.com or eve@example.com";
    let mark = Stubs::new(b"k").mark(b"ada@example.com");
    let mut veil = Veil::over(Arc::clone(&FINDER), b"k", HashSet::from([mark]));
    let out = String::from_utf8(veiled_in(&mut veil, text, 100)).expect("is text");
    assert!(out.starts_with("mail ada@example.com or [redacted:email:1:"), "{out}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,30}".prop_map(Value::from),
        prop::sample::select(planted(3)).prop_map(|(_, text, _)| Value::from(text)),
    ];
    let name = prop_oneof![
        "[a-z_]{1,8}",
        Just("password".to_owned()),
        Just("session_id".to_owned()),
        Just("name".to_owned()),
        Just("value".to_owned())
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner.clone()), 0..5)
                .prop_map(|members| Value::from(members.into_iter().collect::<serde_json::Map<String, Value>>())),
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_stays_json_and_a_second_time_changes_nothing(value in value()) {
        // A number by itself is a text like any other.
        let value = if value.is_number() { Value::from(vec![value]) } else { value };
        let text = value.to_string();
        let out = veiled(text.as_bytes());
        prop_assert!(serde_json::from_str::<Value>(&out).is_ok(), "{text}\n{out}");
        prop_assert_eq!(veiled(out.as_bytes()), out);
    }

    #[test]
    fn any_bytes_in_any_parts_give_the_same(bytes in prop::collection::vec(any::<u8>(), 0..400), step in 1..60_usize) {
        prop_assert_eq!(veiled_in(&mut veil(), &bytes, step), veiled_in(&mut veil(), &bytes, 1000));
    }
}
