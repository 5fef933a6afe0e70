//! The configuration, prices, and what doctor says of all of it.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::desk::{Desk, Ran, text};
use crate::sample;

const FILE: &str = "home/.config/turnscope/config.toml";

fn configured(content: &str) -> Desk {
    let desk = Desk::with_file();
    desk.write(FILE, content);
    desk
}

fn named<'a>(objects: &'a [Value], member: &str, name: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object[member] == name).collect()
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let desk = configured("store = \"from-file.db\"\ntz = \"+02:00\"\n");
    let store = |ran: &Ran| {
        let shown = ran.objects();
        let store = named(&shown, "name", "store")[0];
        let value = store["value"].as_str().expect("a path").rsplit('/').next().unwrap_or_default().to_owned();
        (value, store["from"].as_str().expect("a word").to_owned())
    };
    let pair = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    assert_eq!(store(&desk.done(&["config", "show", "--json"])), pair("from-file.db", "file"));
    let shown = desk.done(&["config", "show", "--json", "--store", "typed.db"]);
    assert_eq!(store(&shown), pair("typed.db", "flag"));
    let output = desk.command(&["config", "show", "--json"]).env("TURNSCOPE_STORE", "said.db").output().expect("runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains(r#""value":"said.db","from":"environment""#));
    let file = desk.write("in/claude.jsonl", sample::claude());
    desk.import(&file);
    assert!(desk.path("home/.config/turnscope/from-file.db").is_file() && !desk.store().exists());
    let listed = desk.done(&["sessions"]);
    assert!(listed.text().contains("+02:00"), "{}", listed.text());
    assert!(desk.done(&["sessions", "--tz", "UTC"]).text().contains('Z'));
}

#[test]
fn what_is_wrong_is_told_line_by_line_and_stops_other_commands() {
    let desk = configured("mouse = true\nstroe = \"x\"\n");
    let ran = desk.run(&["config", "check"]);
    assert_eq!(ran.code, 1);
    assert!(ran.text().contains("config.toml:2: ") && ran.text().contains("`stroe`"), "{ran:?}");
    let told = desk.refused(2, &["sessions"]);
    assert!(told.contains("config.toml:2: ") && told.contains("config check"), "{told}");
    desk.write(FILE, "[keys]\nfind-search = \"n\"\n");
    let faults = desk.run(&["config", "check", "--json"]).objects();
    assert_eq!(faults[0]["line"], 2);
    assert!(faults[0]["fault"].as_str().expect("words").contains("both find-search and find-next-hit"));
    desk.write(FILE, "mouse = true\n");
    assert_eq!(desk.run(&["config", "check"]).code, 0);
    assert!(desk.refused(1, &["sessions", "--config", "nothing.toml"]).contains("nothing.toml"));
}

#[test]
fn everything_that_has_a_key_has_a_name_and_the_file_may_give_it_another() {
    let desk = configured("[keys.timeline]\nfind-next-error = [\"X\", \"g e\"]\n");
    let keys = desk.done(&["config", "keys", "--json"]).objects();
    let errors = named(&keys, "name", "find-next-error");
    let of = |place: &str| errors.iter().find(|row| row["place"] == place).map(|row| row["keys"].clone());
    assert_eq!((of("Timeline"), of("Sessions")), (Some(json!(["X", "ge"])), Some(json!(["e"]))));
}

#[test]
fn import_reads_the_folders_that_the_file_names() {
    let desk = configured("[sources]\nagents = false\nfolders = [\"~/runs\"]\n");
    desk.write("home/runs/claude.jsonl", sample::claude());
    let reports = desk.done(&["import", "--json"]).objects();
    assert_eq!(reports[0]["sessions"], json!([sample::CLAUDE]));
}

#[test]
fn costs_come_from_the_table_and_unknown_is_not_zero() {
    let desk = Desk::new();
    let known = String::from_utf8_lossy(&sample::claude()).replace("claude-sample-1", "claude-opus-4-6");
    let file = desk.write("in/claude.jsonl", sample::claude());
    desk.import(&file);
    let stats = |arguments: &[&str]| desk.done(&[&["stats", "--json"], arguments].concat()).objects();
    let cost = |stats: &[Value], model: &str| named(stats, "name", model)[0]["cost"].clone();
    assert_eq!(cost(&stats(&[]), "claude-sample-1"), json!({"micro_usd": null, "unpriced": 1}));
    assert_eq!(cost(&stats(&[]), "Bash"), json!(null));
    let own = "[[price]]\nmodels = [\"claude-sample-*\"]\ninput = 1_000_000\ncache-read = 100_000\n\
               cache-write = 2_000_000\noutput = 10_000_000\n";
    let prices = desk.write("prices.toml", own);
    let priced = cost(&stats(&["--prices", text(&prices)]), "claude-sample-1");
    assert!(priced["micro_usd"].as_i64().is_some_and(|micros| micros > 0), "{priced}");
    let rows = desk.done(&["timeline", "last", "--json", "--prices", text(&prices)]).objects();
    let sum: i64 = rows.iter().filter_map(|row| row["cost"]["micro_usd"].as_i64()).sum();
    assert_eq!(Some(sum), priced["micro_usd"].as_i64());
    let document = |arguments: &[&str]| {
        let document = desk.done(&[&["export", "last", "--format", "md"], arguments].concat());
        let lines = document.text().lines().filter(|line| line.contains("cost"));
        lines.map(|line| line.rsplit_once("; cost: ").expect("a cost").1.to_owned()).collect::<Vec<_>>()
    };
    let words = rows.iter().find_map(|row| row["cost"]["micro_usd"].as_i64()).expect("a cost");
    let words = format!("${}.{:06}", words / 1_000_000, words % 1_000_000);
    let told = document(&["--prices", text(&prices)]);
    // Of the model, of all of them, and of the row.
    assert!(told.len() == 3 && told.iter().all(|cost| cost.starts_with(&words)), "{words}: {told:?}");
    assert!(document(&[]).iter().all(|cost| cost.starts_with("unknown")) && document(&[]).len() == 3);
    let file = desk.write("in/known.jsonl", known.replace(sample::CLAUDE, "5e551011-0000-4000-8000-00000000000f"));
    desk.import(&file);
    assert!(desk.done(&["stats"]).text().lines().any(|line| line.contains("claude-opus-4-6") && line.contains('$')));
    for empty in ["", "\n", "# models of ours\n"] {
        let told = desk.refused(2, &["stats", "--prices", text(&desk.write("empty.toml", empty))]);
        assert!(told.contains("empty.toml: it holds no price: each one begins with `[[price]]`"), "{told}");
    }
    desk.done(&["stats", "--prices", text(&desk.write("none.toml", "price = []\n"))]);
    let told = desk.refused(2, &["stats", "--prices", text(&desk.write("bad.toml", "[[price]]\nmodel = 1\n"))]);
    assert!(told.contains("bad.toml:2: "), "{told}");
}

#[test]
fn doctor_says_how_things_are_and_what_to_do() {
    let desk = Desk::new();
    desk.write("home/.claude/projects/shop/a.jsonl", sample::claude());
    let found = desk.done(&["doctor", "--json"]).objects();
    let check = |found: &[Value], name: &str| named(found, "check", name)[0].clone();
    let sources = check(&found, "sources");
    assert_eq!(sources["state"], "warn");
    assert!(sources["found"].as_str().expect("words").contains("claude-code: 1 files"), "{sources}");
    assert!(sources["advice"].as_str().expect("words").contains("turnscope import"));
    desk.done(&["import"]);
    let found = desk.done(&["doctor", "--json"]).objects();
    assert_eq!(check(&found, "sources")["state"], "ok", "{found:?}");
    assert_eq!(check(&found, "schema")["state"], "ok");
    assert!(check(&found, "holds")["found"].as_str().expect("words").starts_with("1 session,"));
    assert!(found.iter().all(|one| one["advice"] != "" || one["state"] == "ok"), "{found:?}");
}

#[test]
fn doctor_measures_the_disk_and_looks_at_rights() {
    let desk = Desk::with_file();
    let file = desk.write("in/claude.jsonl", sample::claude());
    desk.import(&file);
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(desk.store(), open).expect("can be changed");
    let found = desk.done(&["doctor", "--json"]).objects();
    assert!(named(&found, "check", "disk")[0]["found"].as_str().expect("words").contains("fdatasync/s"));
    assert_eq!(named(&found, "check", "rights")[0]["state"], "warn");
}

#[test]
fn doctor_fails_where_something_is_broken_and_still_says_the_rest() {
    let desk = configured("stroe = 1\n");
    desk.write("home/.local/share/turnscope/turnscope.db", "no database at all ".repeat(99));
    let ran = desk.run(&["doctor", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let found = ran.objects();
    assert_eq!(named(&found, "check", "configuration")[0]["state"], "fail");
    assert_eq!(named(&found, "check", "store")[0]["state"], "fail");
    assert_eq!(named(&found, "check", "version")[0]["state"], "ok");
}

#[test]
fn a_link_needs_a_terminal_and_must_be_one() {
    let desk = Desk::with_file();
    assert!(desk.refused(2, &["open", "https://example.org"]).contains("is no link of turnscope"));
    assert!(desk.refused(1, &["open", "turnscope://session/x#y"]).contains("this is no terminal"));
}
