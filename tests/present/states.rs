//! Several reports of one session that met its tasks at different moments: the order of their coming changes nothing.

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::example::{self, SESSION, queued};
use crate::report::{report, written};
use crate::world::{TASKS, TRACES, World, stamp};

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// What the report says when a task is as it was then; the task is named by `queued("D")`.
fn met(status: &str, millis: i64) -> Value {
    let mut world = example::world();
    let task = queued("D");
    for row in rows(&mut world, TASKS).filter(|row| row["id"] == task.as_str()) {
        row["status"] = json!(status);
        row["updated_at"] = json!(stamp(millis));
    }
    report(&world)
}

fn rows<'a>(world: &'a mut World, table: &'a str) -> impl Iterator<Item = &'a mut Value> {
    world.rows.iter_mut().filter(move |(known, _)| *known == table).map(|(_, row)| row)
}

/// A desk into which reports were brought one by one, in this order.
fn brought(reports: &[Value], order: &[usize]) -> Desk {
    let desk = Desk::new();
    for number in order {
        let path = desk.write(&format!("report-{number}.json"), written(&reports[*number]));
        desk.import(&path);
    }
    desk
}

fn reports() -> Vec<Value> {
    let mut newest = met("succeeded", 156_000);
    // A report that leaves a column of a step out: neither is the later one, and one says more.
    let trace = &mut newest["traces"].as_array_mut().expect("traces")[0];
    trace["sampled"] = Value::Null;
    vec![met("queued", 150_050), met("running", 150_400), newest]
}

/// All that is told of the session.
fn told(desk: &Desk) -> Vec<String> {
    let task = queued("D");
    let older = [format!("{task}~1"), format!("{task}~2")];
    let sessions = desk.done(&["sessions", "--json"]).text().to_owned();
    let timeline = desk.done(&["timeline", SESSION, "--json"]).text().to_owned();
    let check = desk.run(&["check", SESSION, "--json"]).text().to_owned();
    let shown = [task.as_str(), &older[0], &older[1]].map(|name| {
        let mut row = desk.done(&["show", SESSION, name, "--json"]).objects().remove(0);
        for event in row["events"].as_array_mut().expect("events") {
            event.as_object_mut().expect("an object").remove("origins");
        }
        row.to_string()
    });
    [vec![sessions, timeline, check], shown.to_vec()].concat()
}

#[test]
fn names_joins_and_findings_are_the_same_in_whichever_order_reports_came_and_when_they_come_again() {
    let reports = reports();
    let first = told(&brought(&reports, &ORDERS[0]));
    for order in &ORDERS[1..] {
        assert_eq!(told(&brought(&reports, order)), first, "{order:?}");
    }
    let again = brought(&reports, &[2, 0, 1]);
    for number in [0, 1, 2] {
        again.import(&again.write(&format!("again-{number}.json"), written(&reports[number])));
    }
    assert_eq!(told(&again), first);
}

#[test]
fn the_newest_state_has_the_bare_id_and_the_joins_and_names_the_others() {
    let desk = brought(&reports(), &[2, 0, 1]);
    let task = queued("D");
    let show = |name: &str| desk.done(&["show", SESSION, name, "--json"]).objects().remove(0);
    let state = |name: &str| show(name)["events"][0].clone();
    let told = |event: &Value| (event["status"].clone(), event["flags"].clone());
    let (newest, older, oldest) = (state(&task), state(&format!("{task}~1")), state(&format!("{task}~2")));
    assert_eq!(told(&newest), (json!("succeeded"), json!([])));
    assert_eq!(told(&older), (json!("running"), json!(["superseded"])));
    assert_eq!(told(&oldest), (json!("queued"), json!(["superseded"])));
    assert_eq!(newest["others"], json!([format!("{task}~1"), format!("{task}~2")]));
    assert_eq!(older["others"], json!([task, format!("{task}~2")]));
    let rows = desk.done(&["timeline", SESSION, "--json"]).objects();
    let joins: Vec<&Value> = rows.iter().flat_map(|row| row["joins"].as_array().expect("joins")).collect();
    let naming = |rule: &str| joins.iter().filter(|join| join["basis"]["rule"] == rule).collect::<Vec<_>>();
    let named = naming("the queue task that it names");
    let to = |join: &Value| join["to"].as_str().unwrap_or_default().to_owned();
    assert!(named.iter().any(|join| to(join) == task) && named.iter().all(|join| !to(join).contains('~')));
    assert_eq!(naming("the newest state of the same task").iter().filter(|join| to(join) == task).count(), 2);
    let text = desk.done(&["show", SESSION, &task]).text().to_owned();
    assert!(text.contains(&format!("states    {task}~1 {task}~2")), "{text}");
    let kept = desk.done(&["timeline", SESSION, "--where", "has:superseded", "--json"]).objects();
    assert_eq!(kept.iter().filter(|row| row["kind"] == "task").count(), 2);
}

#[test]
fn a_step_that_one_report_tells_more_of_is_the_one_that_says_more() {
    let reports = reports();
    for order in ORDERS {
        let desk = brought(&reports, &order);
        let mut world = example::world();
        let id = rows(&mut world, TRACES).next().expect("a trace")["id"].as_str().expect("an id").to_owned();
        let event = desk.done(&["show", SESSION, &id, "--json"]).objects().remove(0)["events"][0].clone();
        let attributes = event["attributes"].as_array().expect("attributes");
        assert!(attributes.iter().any(|attribute| attribute["name"] == "sampled"), "{order:?}: {event}");
        assert_eq!(event["others"], json!([format!("{id}~1")]), "{order:?}");
    }
}
