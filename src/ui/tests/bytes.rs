//! What goes over the wire: bytes a frame at 120 columns and 40 lines, in true colours.

use super::bench::Bench;
use crate::ui::terminal::Canvas;

#[tokio::test]
async fn frames_are_small() {
    let mut bench = Bench::new(120, 40).await;
    let mut canvas = Canvas::new(120, 40).expect("a canvas");
    let mut sizes = vec![("first screen", canvas.frame(&mut bench.state).len(), 10_000)];
    for (name, names, most) in [
        ("cursor in the sessions", "j", 600),
        ("opening a timeline", "k Enter", 10_000),
        ("cursor in the timeline", "p j", 10_000),
        ("cursor in the timeline", "j", 600),
        ("cursor in the timeline, back", "k", 600),
        ("scrolling the timeline", "^D ^D j", 4_000),
        ("moving with the preview", "p g g j", 10_000),
        ("the preview follows", "j", 4_000),
        ("a waterfall", "p d", 10_000),
        ("cursor in a waterfall", "j", 10_000),
        ("cursor in a waterfall", "j", 600),
        ("scrolling a waterfall", "^D ^D j", 4_000),
        ("a tree", "T", 10_000),
        ("cursor in a tree", "k", 10_000),
        ("cursor in a tree", "k", 600),
        ("a moment of playback", "P P", 10_000),
        ("a step of playback", "k", 1_000),
        ("half a page beside the preview", "^D", 4_000),
        ("a page beside the preview", "^F", 4_000),
        ("a row in full", "g g e Enter", 10_000),
        ("its record as written", "g 9 r", 8_000),
        ("cursor in the record", "j", 600),
    ] {
        bench.press(names).await;
        sizes.push((name, canvas.frame(&mut bench.state).len(), most));
    }
    for (name, size, most) in &sizes {
        assert!(size <= most, "{name}: {size} bytes of {most}; all: {sizes:?}");
    }
}
