//! Bringing over again: only what is new, also what became visible late, and states that changed.

use serde_json::json;

use crate::database::Database;
use crate::desk::Desk;
use crate::example::{self, SESSION, queued, voice};
use crate::whole::{counts, expected, timeline};
use crate::world::{MODELS, stamp, with};

#[test]
fn only_what_is_new_comes_over_again() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let desk = Desk::with_file();
    let url = database.url();
    let first = desk.done(&["import", "--json", &url]).objects().remove(0);
    let again = desk.done(&["import", "--json", &url]).objects().remove(0);
    assert_eq!(again, first, "nothing is new");

    let mut more = world.clone();
    let item = json!({"sequence": 90, "event_type": "conversation_item_added", "status": "user", "input": {"textContent": "later"}});
    let late = more.io(MODELS, 215_000, &voice(), item.clone());
    // Its transaction ended after newer rows were read.
    let early = more.io(MODELS, 200_000, &voice(), with(item, json!({"sequence": 91})));
    more.rows.drain(..world.rows.len());
    database.add(&more);
    let third = desk.done(&["import", "--json", &url]).objects().remove(0);
    let grown = |name: &str| third[name].as_i64().expect("a number") - first[name].as_i64().expect("a number");
    assert_eq!(grown("events"), 2, "{third}");
    let ids: Vec<String> = timeline(&desk, SESSION)
        .iter()
        .flat_map(|row| row["events"].as_array().expect("events").clone())
        .map(|id| id.as_str().expect("an id").to_owned())
        .collect();
    for event in [late, early] {
        assert!(ids.contains(&event), "{event} is there");
    }
    let mut all = expected(&world);
    all[3] += 2;
    assert_eq!(counts(&desk, SESSION), all);
    let session = desk.done(&["sessions", "--json"]).objects().remove(0);
    assert_eq!(session["title"], "Canvas: add a sticky note with exact text \"Ship it\"");
}

#[test]
fn a_task_that_changed_is_a_new_state_of_the_same_event() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let desk = Desk::with_file();
    desk.done(&["import", &database.url()]);
    let before = counts(&desk, SESSION);
    let (task, at) = (queued("A"), stamp(300_000));
    database.execute(&format!("UPDATE agent_tasks SET status = 'failed', updated_at = '{at}' WHERE id = '{task}'"));
    desk.done(&["import", &database.url()]);
    let states: Vec<(String, String)> = timeline(&desk, SESSION)
        .iter()
        .map(|row| {
            (row["id"].as_str().unwrap_or_default().to_owned(), row["status"].as_str().unwrap_or_default().to_owned())
        })
        .filter(|(id, _)| id.starts_with(&task))
        .collect();
    let state = |id: &str, status: &str| (id.to_owned(), status.to_owned());
    assert_eq!(states, [state(&format!("{task}~1"), "succeeded"), state(&task, "failed")]);
    assert_eq!(counts(&desk, SESSION)[1], before[1] + 1);
    assert_eq!(desk.done(&["sessions", "--json"]).objects().len(), 1);
}

#[test]
fn a_database_made_anew_under_the_same_name_is_read_from_its_beginning() {
    let world = example::world();
    let mut little = world.clone();
    little.rows.truncate(1);
    let Some(database) = Database::of(&little) else { return };
    let desk = Desk::with_file();
    let url = database.url();
    desk.done(&["import", &url]);
    let (name, other) = (database.name(), Database::empty().expect("a server"));
    other.execute(&format!("DROP DATABASE {name}"));
    other.execute(&format!("CREATE DATABASE {name}"));
    database.execute(crate::database::TABLES);
    database.add(&world);
    desk.done(&["import", &url]);
    assert_eq!(counts(&desk, SESSION), expected(&world));
}
