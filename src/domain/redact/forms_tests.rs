//! Forms in which people and programs write secrets down: none of them may let one through.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::tests::veiled;

/// What is planted: letters of several kinds, as a generator makes them.
const SECRET: &str = "Qz7xPlanted91";
/// The place of the secret in a form.
const HERE: char = '§';

/// The forms that let the secret through, as they stand and inside a string of JSON.
fn missed(forms: &[&str]) -> Vec<String> {
    missed_of(forms, SECRET)
}

fn missed_of(forms: &[&str], secret: &str) -> Vec<String> {
    let mut missed = Vec::new();
    let parts: Vec<&str> = secret.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    for form in forms {
        let plain = form.replace(HERE, secret);
        let log = json!({ "log": plain, "n": 1 }).to_string();
        for text in [plain, log] {
            let out = veiled(text.as_bytes());
            if parts.iter().any(|part| part.len() > 3 && out.contains(part)) {
                missed.push(format!("{text}\n    {out}"));
            }
            let was_json = serde_json::from_str::<Value>(&text).is_ok();
            assert!(!was_json || serde_json::from_str::<Value>(&out).is_ok(), "no JSON any more: {text}\n{out}");
            let again = veiled(out.as_bytes());
            assert_eq!(again, out, "changes again: {text}");
        }
    }
    missed
}

fn none_missed(forms: &[&str]) {
    let missed = missed(forms);
    assert!(missed.is_empty(), "{} missed\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn declarations_with_a_type() {
    none_missed(&[
        "let api_key: &str = \"§\";",
        "pub const API_KEY: &'static str = \"§\";",
        "let token: Option<String> = Some(\"§\".into());",
        "const token: string = \"§\";",
        "private readonly apiKey: string | null = '§';",
        "String password = \"§\";",
        "password := \"§\"",
        "var password string = \"§\"",
        "password: str = '§'",
        "static char *password = \"§\";",
        "char password[] = \"§\";",
        "String password = String.valueOf(\"§\");",
        "val password: String = \"§\"",
    ]);
}

#[test]
fn a_value_on_the_next_line() {
    none_missed(&[
        "password:\n  §\nport: 5",
        "\"password\":\n \"§\",",
        "\"password\"\n : \"§\",",
        "let password =\n    \"§\";",
        "Password:\r\n\r\n§\r\nnext",
        "password: |\n  §\nport: 5",
        "password: >-\n    first line\n    §\nport: 5",
        "db:\n  password: |\n    §\n\n    more\n  port: 5",
        "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n§\r\n--b--",
        "passwords:\n  - one\n  - §\nport: 5",
        "Password:\n```\n§\n```\n",
    ]);
    assert_eq!(veiled(b"a:\n  password: |\n    one\n    two\n  port: 5\n").lines().last(), Some("  port: 5"));
}

#[test]
fn values_of_a_shell_that_look_like_code() {
    none_missed(&[
        "DB_PASSWORD=data.§",
        "PASSWORD=abc(§)",
        "export API_KEY=user.§[0]\nB=1",
        "TOKEN=ab&§;x",
        "PASSWORD={§}|x",
        "docker run -e PASSWORD=a(§)b image",
        "docker run -e 'PASSWORD=a (§) b' image",
        "PASS=§",
        "MYSQL_PASS=§",
        "LDAP_BIND_PW=§",
        "https://example.com/?user=a&pass=§",
        "https://example.com/?user=a&pwd=§&x=1",
    ]);
}

#[test]
fn quotes_and_addresses_are_read_to_their_end() {
    for letter in [";", "&", "(", ")", "[", "]", "{", "}", "|", " ", ",", "<", ">", "/", "#"] {
        let secret = format!("Qz7x{letter}Planted91");
        let missed = missed_of(
            &[
                "password=\"§\"",
                "password: '§'",
                "{\"password\": \"§\"",
                "say {\"a\": \"{\\\"password\\\": \\\"§\\\"}\"",
                "curl -H \"X-Api-Key: §\" https://example.com",
                "curl -H 'X-Auth-Token: §' -X POST",
                "run --password \"§\" now",
                "run --password='§' now",
                "docker run -e \"DB_PASSWORD=§\" image",
                "curl -u \"ada:§\" https://example.com",
            ],
            &secret,
        );
        assert!(missed.is_empty(), "{} missed\n{}", missed.len(), missed.join("\n"));
    }
    let missed = missed_of(&["postgres://ada:§@db.example.com/shop", "amqp://ada:§@queue/"], "Qz7x/Planted91");
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn markdown_and_markup() {
    none_missed(&[
        "**Password:** §",
        "**Password**: §",
        "- __API key__: `§`",
        "*Token:* §",
        "| password | § |",
        "| API key | `§` | for tests |",
        "| name | password |\n|------|----------|\n| ada | § |\n| bob | other7Pw |\n",
        "| password | name |\n|:--|--:|\n| § | ada |\n",
        "name,url,username,password\nexample,https://example.com,ada,§\n",
        "<add key=\"Password\" value=\"§\"/>",
        "<add value=\"§\" key=\"Password\"/>",
        "<password>§</password>",
        "<password type=\"plain\">§ and more</password>",
        "<Password><![CDATA[§]]></Password>",
        "<db:password>§</db:password>",
        "<input name=\"password\" value=\"§\">",
        "<input type=\"password\" value=\"§\">",
        "<input type='hidden' value='§' name='csrf_token'>",
        "<key>Password</key>\n<string>§</string>",
        "<string name=\"api_key\">§</string>",
        "<entry key='db.password'>§</entry>",
    ]);
}

#[test]
fn command_lines() {
    none_missed(&[
        "mysql -u root -p§ shop",
        "mysqldump -uroot -p'§' shop",
        "mysql -u root -p § shop",
        "sshpass -p § ssh ada@example.com",
        "sshpass -p'§' ssh ada@example.com",
        "docker login -u ada -p § registry.example.com",
        "podman login -p \"§\"",
        "redis-cli -h cache -a § ping",
        "openssl rsa -in k.pem -passin pass:§",
        "openssl enc -aes-256-cbc -k § -in a",
        "curl -u ada:§ https://example.com",
        "curl --user 'ada:§' https://example.com",
        "curl -b \"sid=§\" https://example.com",
        "curl --cookie 'theme=dark; sid=§' https://example.com",
        "setx API_KEY §",
        "setx DB_PASSWORD \"§\" /M",
        "set -x DB_PASSWORD §",
        "set -gx API_TOKEN '§'",
        "aws configure set aws_secret_access_key §",
        "git config user.password §",
        "npm config set //registry.example.com/:_authToken §",
        "echo § | sudo -S apt update",
        "echo '§' | sudo -S apt update",
        "echo \"§\" | docker login -u ada --password-stdin",
        "printf '%s\\n' § | sudo -S id",
        "echo 'root:§' | chpasswd",
        "sudo -S id <<< '§'",
        "unzip -P § a.zip",
        "7z x -p§ a.7z",
        "ldapsearch -x -D cn=admin -w § -b dc=example",
        "sqlplus scott/§@orcl",
        "sqlcmd -S db -U sa -P §",
        "smbclient //host/share -U ada%§",
        "keytool -genkey -storepass § -alias a",
        "Connect-Thing -Password § -Server a",
        "xfreerdp /u:ada /p:§ /v:host",
        "ssh-keygen -t ed25519 -N '§' -f k",
        "subprocess.run([\"curl\",\"-u\",\"u:§\"])",
        "CMD [\"mysql\", \"-p§\"]",
        "[\"curl\",\"-u\",\"u:§\"]",
        "[\"mysql\",\"-p§\"]",
        "[\"app\",\"--password\",\"§\",\"--now\"]",
        "{\"argv\":[\"sshpass\",\"-p\",\"§\",\"ssh\"]}",
    ]);
}

#[test]
fn sentences_and_other_programs() {
    none_missed(&[
        "Password is §",
        "the password - §",
        "token -> §",
        "password = \"\"\"§\"\"\"",
        "ENV DB_PASSWORD §",
        "<Password value=\"§\"/>",
        "$secure = ConvertTo-SecureString '§' -AsPlainText -Force",
        "new NetworkCredential(\"ada\", \"§\")",
    ]);
}

#[test]
fn files_of_programs() {
    none_missed(&[
        "machine example.com login ada password §",
        "machine example.com\n  login ada\n  password §\n",
        "default login ada password §",
        "db.example.com:5432:shop:ada:§",
        "*:*:*:ada:§\n",
        "CREATE USER 'ada'@'%' IDENTIFIED BY '§';",
        "ALTER USER ada IDENTIFIED WITH mysql_native_password BY \"§\";",
        "CREATE ROLE ada WITH LOGIN PASSWORD '§';",
        "ALTER USER ada WITH ENCRYPTED PASSWORD '§'",
        "Access key ID,Secret access key\nAKIAIOSFODNN7EXAMPLE,§\n",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  user: §\n",
        "{\"kind\":\"Secret\",\"metadata\":{\"name\":\"a\"},\"data\":{\"user\":\"§\"}}",
        "{\"kind\":\"Secret\",\"stringData\":{\"user\":\"§\"}}",
        "{\"k\":\"password\",\"v\":\"§\"}",
        "{\"name\":\"PASSWORD\",\"value\":\"§\"}",
        "{\"label\":\"Password\",\"content\":\"§\"}",
        "{\"label\":\"API key\",\"type\":\"CONCEALED\",\"value\":\"§\"}",
        "see {\"name\":\"PASSWORD\",\"value\":\"§\"} there",
        "see {\"value\": \"§\", \"name\": \"PASSWORD\"} there",
        "- name: DB_PASSWORD\n  value: §\n- name: B\n",
        "{\"tokens\":[\"§\"]}",
        "{\"user\":\"ada\",\"pass\":\"§\"}",
        "see \"passwords\": [\"one\", \"§\"] there",
        "passwords = ['one', '§']",
        "auth: { user: 'ada', pass: '§' }",
    ]);
    let random = "q7Hx2Lm9Pz4Rt8Vb1Nc6Kd3q7Hx2Lm9Pz4Rt8Vb1";
    let missed = missed_of(&["AKIAIOSFODNN7EXAMPLE,§", "say \"keys\": [\"§\"] here", "'tokens': ['§']"], random);
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn what_programs_give_to_a_name() {
    none_missed(&[
        "#define PASSWORD \"§\"",
        "define('DB_PASSWORD','§');",
        "define( 'DB_PASSWORD', '§' );",
        "variable \"db_password\" { default = \"§\" }",
        "variable \"db_password\" {\n  type = string\n  default = \"§\"\n}",
        "getenv(\"A_TOKEN\", \"§\")",
        "os.environ.get(\"API_KEY\", \"§\")",
        "os.getenv('API_KEY', default='§')",
        "env('APP_KEY','§')",
        "System.getProperty(\"db.password\", \"§\")",
        "process.env.API_KEY || \"§\"",
        "process.env.API_KEY ?? '§'",
        "builder.password(\"§\")",
        "setPassword(\"§\")",
        "with_password('§')",
        "config.setProperty(\"password\", \"§\")",
        "std::string password{\"§\"}",
        "std::string password(\"§\");",
        "Dim password As String = \"§\"",
        "{:password \"§\"}",
        "(setq password \"§\")",
        "services.a.password = \"§\";",
        "password <- \"§\"",
        "password = [[§]]",
        "local password = [==[§]==]",
        "api_keys = [\n  \"one\",\n  \"§\",\n]",
        "see {\"api_keys\": [\"one\", \"§",
    ]);
    assert!(!veiled(b"define('DB_PASSWORD', 'only-words');").contains("only-words"));
    assert!(!veiled(b"setPassword(\"only-words\")").contains("only-words"));
}

#[test]
fn sentences_and_words_of_a_wallet() {
    none_missed(&[
        "password is: §",
        "the password is §",
        "the password is \"§\".",
        "The password for the database is §",
        "my password's §",
        "ＰＡＳＳＷＯＲＤ: §",
        "ＰＡＳＳＷＯＲＤ＝§",
        "Ａｐｉ＿ｋｅｙ：§",
    ]);
    let words = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    for (form, all) in [
        ("seed phrase: §", words.to_owned()),
        ("Seed phrase is: §", words.to_owned()),
        ("here is the recovery phrase: \"§\" keep it", format!("{words} {words}")),
        ("mnemonic: §\nnext", format!("{words} legal winner thank")),
        ("MNEMONIC=§", words.to_owned()),
        ("**Seed words:** §", words.to_owned()),
    ] {
        let missed = missed_of(&[form], &all);
        assert!(missed.is_empty(), "{missed:#?}");
    }
}

#[test]
fn values_of_yaml_and_of_members_of_any_name() {
    none_missed(&[
        "password: &a §",
        "password: &a \"§\"",
        "password: !!str §",
        "password: !!str '§'",
        "password: !vault |\n  §\nport: 5",
        "password: § # the one",
        "password: # the one\n  §\nport: 5",
        "api_keys:\n  - one\n  - §\nport: 5",
        "api_keys:\n- §\n- other\nport: 5",
        "api_keys:\n  # ours\n  - '§'\n",
        "api_keys:\n  - one\n  - §",
        "api_keys: [one, §]",
        "{\"Key\":\"DB_PASSWORD\",\"Value\":\"§\"}",
        "{\"Value\":\"§\",\"Key\":\"DB_PASSWORD\"}",
        "{\"NAME\":\"DB_PASSWORD\",\"VALUE\":\"§\"}",
        "{\"ParameterKey\":\"DBPassword\",\"ParameterValue\":\"§\"}",
        "see {\"Key\":\"DB_PASSWORD\",\"Value\":\"§\"} there",
        "see {\"Value\": \"§\", \"Name\": \"DB_PASSWORD\"} there",
    ]);
    let missed = missed_of(&["dn: cn=a\nuserPassword:: §\ncn: a"], &STANDARD.encode(SECRET));
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn what_databases_take_and_show() {
    none_missed(&[
        "INSERT INTO t (user, password) VALUES ('a','§')",
        "insert into `t` (`id`, `password`, `n`) values (1, '§', 'ada''s'), (2, '§', now());",
        "INSERT INTO t(id, password) VALUES\n  (f(1, 2), 'one'),\n  (2, '§');",
        " name | password \n------+---------------\n ada  | §\n bob  | other9Word\n(2 rows)",
        " password \n---------------\n §\n(1 row)",
        "-[ RECORD 1 ]---\nname     | ada\npassword | §\n",
        "+------+----------+\n| user | password |\n+------+----------+\n| ada  | § |\n+------+----------+",
        "| key | value |\n|---|---|\n| DB_PASSWORD | § |\n",
    ]);
}

#[test]
fn commands_that_keep_secrets_and_codes_that_carry_them() {
    none_missed(&[
        "gh secret set DEPLOY --body §",
        "gh secret set DEPLOY -b \"§\" --repo a/b",
        "aws ssm put-parameter --name n --value § --type SecureString",
        "aws ssm put-parameter --type SecureString \\\n  --name n \\\n  --value \"§\"",
        "aws secretsmanager create-secret --name n --secret-string §",
        "vault kv put secret/app x=§",
        "kubectl create secret generic s --from-literal=user=§",
        "fly secrets set NAME=§",
        "heroku config:set STRIPE=§ -a app",
        "WIFI:S:home;T:WPA;P:§;;",
        "WIFI:P:§;S:home;T:WPA;;",
        "enable secret 5 §",
        "enable password §",
        "username ada password 7 §",
        "line vty 0 4\n password 7 §\n login\n",
    ]);
    let long = "q7Hx2Lm9Pz4Rt8Vb1Nc6Kd3q7Hx2Lm9Pz4Rt8Vb1Nc6Kd3q7Hx2Lm";
    let salt = "c29tZXNhbHRz";
    for hash in [
        format!("$2b$12${}", &long[..53]),
        format!("$argon2id$v=19$m=65536,t=3,p=4${salt}${}", &long[..43]),
        format!("root:$6$rounds=5000${salt}${}:19000:0:", &long[..43]),
        format!("$1$saltsalt${}", &long[..22]),
        format!("$y$j9T${salt}${}", &long[..43]),
        format!("pbkdf2_sha256$260000${salt}${}=", &long[..43]),
        format!("scrypt:32768:8:1${salt}${}", "0123456789abcdef".repeat(4)),
        format!("{{SSHA}}{}==", &long[..26]),
    ] {
        let out = veiled(format!("found {hash} there").as_bytes());
        assert!(out.contains("[redacted:") && !out.contains(salt) && !out.contains(&long[..16]), "{out}");
    }
}

#[test]
fn words_of_other_languages() {
    let words = [
        "contraseña",
        "Contraseña",
        "CONTRASEÑA",
        "clave de acceso",
        "Passwort",
        "Kennwort",
        "mot de passe",
        "motdepasse",
        "Mot de passe",
        "senha",
        "wachtwoord",
        "пароль",
        "Пароль",
        "ПАРОЛЬ",
        "密码",
        "数据库密码",
        "密碼",
        "パスワード",
        "비밀번호",
        "hasło",
        "Hasło",
        "parola",
        "lösenord",
        "adgangskode",
        "heslo",
        "salasana",
        "jelszó",
        "şifre",
        "mật khẩu",
        "كلمة المرور",
        "סיסמה",
        "κωδικός",
        "palavra-passe",
        "passord",
    ];
    for word in words {
        none_missed(&[&format!("{word}: §"), &format!("{word} = \"§\"")]);
        let object = json!({ word: SECRET }).to_string();
        assert!(!veiled(object.as_bytes()).contains(SECRET), "{object}");
    }
    none_missed(&["密码：§", "パスワード：§", "API key: §", "Private key: §"]);
}

#[test]
fn encodings_of_encodings() {
    let text = format!("$env:DB_PASSWORD='{SECRET}'; run");
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let packed = |text: &str| {
        let mut packing = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut packing, text.as_bytes()).expect("packs");
        packing.finish().expect("packs")
    };
    let zlib = STANDARD.encode(packed(&text));
    for (encoded, written) in [
        (STANDARD.encode(&wide), format!("powershell -enc {} -NoProfile", STANDARD.encode(&wide))),
        (zlib.clone(), format!("blob {zlib} end")),
        (zlib.clone(), json!({ "blob": zlib }).to_string()),
        (percent(&percent(&text)), format!("https://example.com/?q={}", percent(&percent(&text)))),
        (SECRET.to_owned(), format!("https://example.com/?q=password%253D{SECRET}%2526x%253D1")),
    ] {
        let out = veiled(written.as_bytes());
        assert!(!out.contains(&encoded) && out.contains("[redacted:"), "{written}\n{out}");
        assert_eq!(veiled(out.as_bytes()), out);
    }
    for harmless in [packed("The quick brown fox looks at line 42 of the file and finds nothing."), b"plain".to_vec()] {
        let written = format!("blob {} end", STANDARD.encode(harmless));
        assert_eq!(veiled(written.as_bytes()), written);
    }
}

#[test]
fn the_last_line_of_a_cut_key_in_string_literals() {
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    for (close, open) in [("\\n\"\n    \"", "\\n\";\n"), ("\\n\" +\n  \"", "\\n\""), ("',\n  '", "==',\n]")] {
        let text = format!("key = \"-----BEGIN PRIVATE KEY-----{close}{line}{close}{SECRET}{open}\nrest of it\n");
        let out = veiled(text.as_bytes());
        assert!(!out.contains(SECRET) && out.ends_with("rest of it\n"), "{text}\n{out}");
        assert_eq!(veiled(out.as_bytes()), out);
    }
}

#[test]
fn a_body_that_repeats_a_secret_without_its_name() {
    for text in [
        format!("export DB_PASSWORD={SECRET}\nLogged in as ada with {SECRET}.\n"),
        format!("tried {SECRET} first\nthen password: {SECRET}\n"),
        json!({ "env": { "DB_PASSWORD": SECRET }, "log": format!("psql says {SECRET} is wrong") }).to_string(),
        json!({ "env": { "DB_PASSWORD": "Qz7x\"Planted91" }, "log": "psql says Qz7x\"Planted91 is wrong" }).to_string(),
    ] {
        let out = veiled(text.as_bytes());
        assert!(!out.contains("Planted91"), "{text}\n{out}");
        assert_eq!(veiled(out.as_bytes()), out);
    }
    let long = format!("password: {SECRET}\n{}and {SECRET} again\n", "The quick brown fox.\n".repeat(250_000));
    assert!(!veiled(long.as_bytes()).contains(SECRET));
}
