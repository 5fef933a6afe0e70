//! The language as a whole: what is read, what is refused and with which words, and that print and parse agree.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use super::{Comparison, Condition, Expression, Feature, Field, Filter, Moment, Named, Pattern, Saved, Scope, Test};
use super::{Regex, Verdict, Vocabulary, complete};
use crate::domain::{KeyKind, Timestamp};

fn saved() -> Saved {
    [("slow", "latency>2s"), ("loop", "@loop"), ("broken", "tol:x"), ("none", "")]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into()
}

fn read(text: &str) -> Result<Option<Filter>, String> {
    Filter::parse(text, Scope::Rows, &saved()).map_err(|fault| fault.to_string())
}

/// A filter as it is printed.
fn printed(text: &str) -> String {
    match read(text) {
        Ok(Some(filter)) => filter.expression.to_string(),
        Ok(None) => "nothing".to_owned(),
        Err(fault) => fault,
    }
}

#[test]
fn what_is_written_in_many_ways_is_printed_in_one() {
    for (written, expected) in [
        ("  ", "nothing"),
        ("kind:tool status:error", "kind:tool status:error"),
        ("kind=tool AND status:error,bad", "kind:tool status:error,bad"),
        ("tool:\"canvas.*\" model:claude*", "tool:canvas.* model:claude*"),
        ("a or b c", "a or b c"),
        ("(a or b) c", "(a or b) c"),
        ("((a)) (b (c d))", "a b c d"),
        ("not (a b)  not not c", "not (a b) not not c"),
        ("tokens > 10k", "tokens>10000"),
        ("latency>=1500ms", "latency>=1s500ms"),
        ("since:90m before:12:30 at>+10m", "since:1h30m before:12:30:00 at>+10m"),
        ("at<=2026-03-02T10:00:00+02:00", "at<=2026-03-02T08:00:00.000000Z"),
        ("tool_call_id:x TRACE:y", "call:x trace:y"),
        ("text~\"a (b|c)\\\"d\" text~x(y)", "text~\"a (b|c)\\\"d\" text~\"x(y)\""),
        ("\"connection refused\" text:x", "\"connection refused\" x"),
        ("has:error,Orphan @slow", "has:error,orphan @slow"),
        ("tool:a\\,b", "tool:\"a\\,b\""),
        ("\"or\" what? a,b", "\"or\" what? a,b"),
    ] {
        assert_eq!(printed(written), expected, "{written}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_may_have_been_meant() {
    for (written, expected) in [
        ("a b tol:x", "unknown field \"tol\" at 5; did you mean \"tool\"?"),
        ("http://x", "unknown field \"http\" at 1; text to be found that looks like a field stands in quotes"),
        ("kind:tol", "unknown kind \"tol\" at 6; did you mean \"tool\"?"),
        ("żółw kind:zzz", "unknown kind \"zzz\" at 11; there are transcript, model, tool, trace, task, other"),
        ("has:orpan", "rows can have no \"orpan\" at 5; did you mean \"orphan\"?"),
        ("errors>0", "\"errors\" says nothing about rows at 1"),
        ("latency>2", "\"2\" is no duration at 9; it needs a unit, such as 2s, 150ms or 1m30s"),
        ("tokens>many", "\"many\" is no number at 8; such as 1000 or 10k"),
        (
            "since:soon",
            "\"soon\" is no time at 7; such as 10m or \"2 hours ago\" (before now), +10m (after the start), 12:30, \"yesterday 14:00\", monday, \"2026-03-02 10:00\" or 2026-03-02T10:00:00Z",
        ),
        ("since>10m", "\"since\" cannot be compared with > at 1; write since:…, or at>…"),
        ("at:10m", "\"at\" needs >, >=, < or <= at 1; such as at>+10m"),
        ("tool>3", "\"tool\" cannot be compared with > at 1; write tool:…"),
        ("tokens~x", "\"tokens\" takes no regular expression at 8"),
        ("text~\"(\"", "the regular expression is not understood (unclosed group) at 6"),
        ("tool!=x", "\"tool!=\" is not understood at 1; write not tool:…"),
        ("tool:", "\"tool:\" needs a value at 6"),
        ("tool:a,", "a value is missing at 8"),
        ("tool:\"a", "this quote is never closed at 6"),
        ("(a", "this bracket is never closed at 1"),
        ("a)", "this bracket closes nothing at 2"),
        ("()", "there is nothing before this bracket at 2"),
        ("not", "something is missing at 4"),
        ("or a", "there is nothing before \"or\" at 1; a word to be found stands in quotes"),
        ("a or", "something is missing at 5"),
        ("@nobody", "no filter is saved as \"nobody\" at 1; there are broken, loop, none, slow"),
        ("@none", "the saved filter \"none\" is empty at 1"),
        (
            "x @broken",
            "the saved filter \"broken\" is not understood at 3; unknown field \"tol\" at 1; did you mean \"tool\"?",
        ),
    ] {
        assert_eq!(printed(written), expected, "{written}");
    }
    assert!(printed("@loop").contains("names itself"));
    assert!(printed(&"(".repeat(5_000)).contains("too deep"));
    assert!(printed(&"not ".repeat(5_000)).contains("too deep"));
}

#[test]
fn sessions_have_fields_of_their_own() {
    let read = |text: &str| Filter::parse(text, Scope::Sessions, &saved()).map_err(|fault| fault.to_string());
    assert!(read("agent:codex errors>0 since:1d title:login word").is_ok());
    assert_eq!(read("tool:Bash"), Err("\"tool\" says nothing about sessions at 1".to_owned()));
    assert!(read("has:orphan").is_err_and(|fault| fault.ends_with("there are error, usage, finding")));
}

#[test]
fn what_is_unknown_matches_neither_a_test_nor_its_not() {
    let verdict = |text: &str| {
        let filter = Filter::parse(text, Scope::Rows, &Saved::new()).expect("valid").expect("is one");
        filter.expression.judge(&|test| match test.field {
            Field::Kind => Verdict::Yes,
            Field::Tool => Verdict::No,
            _ => Verdict::Unknown,
        })
    };
    for (text, expected) in [
        ("latency>2s", Verdict::Unknown),
        ("not latency>2s", Verdict::Unknown),
        ("latency>2s or not latency>2s", Verdict::Unknown),
        ("kind:tool or latency>2s", Verdict::Yes),
        ("latency>2s kind:tool", Verdict::Unknown),
        ("latency>2s tool:x", Verdict::No),
        ("not (tool:x latency>2s)", Verdict::Yes),
        ("not not kind:tool", Verdict::Yes),
    ] {
        assert_eq!(verdict(text), expected, "{text}");
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z*?.\\\\]{1,6}", "[ -~]{0,8}", any::<String>().prop_map(|text| text.chars().take(6).collect())]
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    prop::sample::select(vec![Comparison::Less, Comparison::AtMost, Comparison::Greater, Comparison::AtLeast])
}

fn moments() -> impl Strategy<Value = Moment> {
    prop_oneof![
        (-10_000_000_000_000i64..10_000_000_000_000).prop_map(Moment::Ago),
        (1i64..1000, any::<bool>()).prop_map(|(months, ago)| Moment::MonthsAgo(if ago { months } else { -months })),
        (0usize..3, 0i64..86_400_000_000).prop_map(|(day, into)| Moment::Day(Named::ALL[day], into)),
        (0u8..7, any::<bool>(), 0i64..86_400_000_000).prop_map(|(day, last, into)| Moment::Weekday { day, last, into }),
        (0i64..10_000_000_000_000).prop_map(Moment::FromStart),
        (0i64..86_400_000_000).prop_map(Moment::Clock),
        (0i64..4_000_000_000_000_000).prop_map(|time| Moment::Local(Timestamp(time))),
        (0i64..4_000_000_000_000_000).prop_map(|time| Moment::At(Timestamp(time))),
    ]
}

fn tests() -> impl Strategy<Value = Test> {
    let of = |fields: &[Field]| prop::sample::select(fields.to_vec());
    let text_fields = [Field::Tool, Field::Text, Field::Status, Field::Key(KeyKind::Trace), Field::Error, Field::Id];
    let patterns = prop::collection::vec(texts().prop_map(|text| Pattern::new(&text)), 1..4);
    let regexes = prop::sample::select(vec!["a.b", "(x|y) z", "\"quoted\"", r"\\", r"a\.b", "[,)]"]);
    let features = prop::collection::vec(prop::sample::select(Feature::ALL.to_vec()), 1..3);
    prop_oneof![
        (of(&text_fields), patterns).prop_map(|(field, patterns)| (field, Condition::Like(patterns))),
        (of(&text_fields), regexes)
            .prop_map(|(field, text)| (field, Condition::Regex(Regex::new(text).expect("is one")))),
        (comparisons(), any::<i32>())
            .prop_map(|(sign, number)| (Field::Tokens, Condition::Number(sign, i64::from(number)))),
        (comparisons(), 0i64..1_000_000_000_000).prop_map(|(sign, span)| (Field::Latency, Condition::Span(sign, span))),
        (comparisons(), moments()).prop_map(|(sign, moment)| (Field::At, Condition::Moment(sign, moment))),
        moments().prop_map(|moment| (Field::Since, Condition::Moment(Comparison::AtLeast, moment))),
        features.prop_map(|features| (Field::Has, Condition::Has(features))),
        Just((Field::Kind, Condition::Like(vec![Pattern::new("t*")]))),
    ]
    .prop_map(|(field, condition)| Test { field, condition })
}

fn expressions() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        9 => tests().prop_map(Expression::Test),
        1 => Just(Filter::parse("@slow", Scope::Rows, &saved()).expect("valid").expect("is one").expression),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            inner.prop_map(Expression::opposite),
            several.clone().prop_filter_map("is never empty", Expression::and),
            several.prop_filter_map("is never empty", Expression::or),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read_again(expression in expressions()) {
        let text = expression.to_string();
        let again = Filter::parse(&text, Scope::Rows, &saved());
        let again = again.map_err(|fault| format!("{text}: {fault}")).expect("valid").expect("is one");
        assert_eq!(again.expression, expression, "{text}");
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), near in "[a-z:<>=~\"\\\\(),@ *0-9.+-]{0,40}") {
        let vocabulary = Vocabulary { scope: Scope::Rows, values: Default::default(), saved: vec!["a".to_owned()] };
        for text in [&text, &near] {
            for scope in [Scope::Rows, Scope::Sessions] {
                if let Ok(Some(filter)) = Filter::parse(text, scope, &saved()) {
                    assert_eq!(Filter::parse(&filter.expression.to_string(), scope, &saved()).map(|again| again.map(|again| again.expression)), Ok(Some(filter.expression)));
                }
            }
            for cursor in 0..=text.len() {
                complete(text, cursor, &vocabulary);
            }
        }
    }
}
