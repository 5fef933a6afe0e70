//! Random keys at random sizes: nothing panics, and the cursor is always where something is.

use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use super::bench::Bench;
use crate::ui::keymap::BINDINGS;
use crate::ui::message::{Message, Shade};

fn key() -> impl Strategy<Value = String> {
    let bound: Vec<String> = BINDINGS
        .iter()
        .flat_map(|binding| binding.keys.iter())
        .flat_map(|keys| keys.split(' '))
        // Ending the program ends the run early.
        .filter(|key| *key != "Q")
        .map(str::to_owned)
        .collect();
    let digits = (0u8..10).prop_map(|digit| digit.to_string());
    let letters = any::<char>().prop_map(|letter| letter.to_string());
    prop_oneof![8 => prop::sample::select(bound), 2 => digits, 1 => letters]
}

fn sizes() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![3 => (1u16..30, 1u16..12), 2 => (30u16..150, 1u16..50)]
}

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Size(u16, u16),
    Paste(String),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        30 => key().prop_map(Step::Key),
        2 => sizes().prop_map(|(columns, rows)| Step::Size(columns, rows)),
        1 => any::<String>().prop_map(Step::Paste),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn random_keys_never_panic_at_any_size((columns, rows) in sizes(), steps in steps()) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let mut bench = Bench::new(columns, rows).await;
            bench.draw();
            for step in steps {
                match step {
                    Step::Key(name) => bench.send(Message::Key(crate::ui::key::Key(name))).await,
                    Step::Size(columns, rows) => bench.send(Message::Resized { columns, rows }).await,
                    Step::Paste(text) => bench.send(Message::Pasted(text)).await,
                }
                bench.draw();
            }
        });
    }
}

#[tokio::test]
async fn every_size_from_one_by_one_can_be_drawn() {
    let mut bench = Bench::new(120, 40).await;
    for names in ["", "e Enter", "Enter g 2", "?", "Esc :", "Esc '"] {
        bench.press(names).await;
        for (columns, rows) in (1..60).flat_map(|columns| (1..12).map(move |rows| (columns, rows))) {
            bench.send(Message::Resized { columns, rows }).await;
            bench.draw();
        }
        bench.send(Message::Resized { columns: 120, rows: 40 }).await;
    }
    bench.send(Message::Background(Shade::Light)).await;
    bench.draw();
}
