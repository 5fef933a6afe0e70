//! Comparisons, told as what a person reads.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::domain::{Event, Kind};
use crate::timeline::look;

fn side(bodies: &[(Role, Value)]) -> Side {
    let mut side = Side::default();
    let event = Event::new(Kind::Model, "router", "model_call");
    for (role, value) in bodies {
        let material = Material { event: 1, role: *role, value: value.clone(), partial: false };
        side.found.merge(look(&event, &material));
        side.materials.push(material);
    }
    side
}

fn shown(comparison: &Comparison) -> Vec<String> {
    let sign = |mark| match mark {
        Mark::Heading => '#',
        Mark::Note => '~',
        Mark::Same => ' ',
        Mark::Removed => '-',
        Mark::Added => '+',
    };
    comparison.lines.iter().map(|line| format!("{}{}", sign(line.mark), line.text)).collect()
}

/// Weakness 29: there was no comparison of turns.
#[test]
fn two_requests_differ_by_messages_tools_and_prompt() {
    let tool = |name: &str, kind: &str| json!({"name": name, "input_schema": {"type": kind}});
    let before = side(&[
        (Role::System, json!("Route.\nBe brief.")),
        (Role::Tools, json!([tool("a", "object"), tool("b", "object"), tool("c", "object")])),
        (Role::Input, json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}])),
    ]);
    let after = side(&[
        (Role::System, json!("Route.\nBe kind.")),
        (Role::Tools, json!([tool("a", "object"), tool("b", "array"), tool("d", "object")])),
        (
            Role::Input,
            json!({"messages": [
                {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hum"}, {"role": "user", "content": "x"}
            ]}),
        ),
    ]);
    let comparison = compare(&before, &after, Focus::All, None);
    assert_eq!(
        shown(&comparison),
        [
            "#system prompt",
            " Route.",
            "-Be brief.",
            "+Be kind.",
            "#tool descriptions",
            "~1 tool the same",
            "~b changed",
            " name: \"b\"",
            " input_schema:",
            "-  type: \"object\"",
            "+  type: \"array\"",
            "-c",
            "+d",
            "#messages",
            "~1 message the same",
            "~message 2 of assistant changed",
            "-ho",
            "+hum",
            "~message 3 of user added",
            "+x",
        ]
    );
    assert_eq!((comparison.added, comparison.removed), (5, 4));
    assert_eq!(comparison.hunks, [2, 9, 16, 19]);
}

#[test]
fn only_what_is_asked_for_is_compared() {
    let one = side(&[(Role::System, json!("a")), (Role::Output, json!("x"))]);
    let other = side(&[(Role::System, json!("a")), (Role::Output, json!("y"))]);
    assert_eq!(shown(&compare(&one, &other, Focus::Only(Role::System), None)), ["#system prompt", "~the same"]);
    assert_eq!(shown(&compare(&one, &other, Focus::Only(Role::Output), None)), ["#output", "-x", "+y"]);
    let nothing = shown(&compare(&one, &other, Focus::Only(Role::Input), None));
    assert_eq!(nothing, ["~neither of them keeps anything that could be compared"]);
}

#[test]
fn what_only_one_side_recorded_is_said_and_shown() {
    let comparison = compare(&side(&[]), &side(&[(Role::System, json!("a"))]), Focus::All, None);
    assert_eq!(shown(&comparison), ["#system prompt", "~not recorded before", "+a"]);
}

#[test]
fn lines_far_from_a_change_are_counted() {
    let text = |word: &str| -> Value { json!(format!("{}{word}\n{}", "x\n".repeat(10), "y\n".repeat(10))) };
    let comparison =
        compare(&side(&[(Role::System, text("a"))]), &side(&[(Role::System, text("b"))]), Focus::All, None);
    let notes: Vec<String> = shown(&comparison).into_iter().filter(|line| line.starts_with('~')).collect();
    assert_eq!(notes, ["~7 lines the same", "~7 lines the same"]);
    assert_eq!(comparison.lines.len(), 11);
}

#[test]
fn side_by_side_puts_the_new_beside_the_old() {
    let one = side(&[(Role::Output, json!("a\nb\nz"))]);
    let other = side(&[(Role::Output, json!("c\nz"))]);
    let comparison = compare(&one, &other, Focus::All, None);
    assert_eq!(shown(&comparison), ["#output", "-a", "-b", "+c", " z"]);
    assert_eq!(comparison.pairs, [(Some(0), Some(0)), (Some(1), Some(3)), (Some(2), None), (Some(4), Some(4))]);
}

#[test]
fn after_the_deadline_the_result_is_rough_and_still_whole() {
    let text = |shift: usize| -> Value {
        json!((0..20_000).map(|line| format!("{}\n", (line * 7919 + shift) % 10_007)).collect::<String>())
    };
    let past = Instant::now() - Duration::from_secs(1);
    let comparison =
        compare(&side(&[(Role::Output, text(0))]), &side(&[(Role::Output, text(1))]), Focus::All, Some(past));
    assert_eq!(comparison.added, comparison.removed);
    assert!(comparison.added > 0);
}
