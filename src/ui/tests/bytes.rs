//! What goes over the wire: bytes a frame at 120 columns and 40 lines, in true colours.

use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::bench::Bench;
use crate::ui::terminal::FrameBuffer;
use crate::ui::view;

/// A terminal that keeps what is written to it.
struct Wire {
    terminal: Terminal<CrosstermBackend<FrameBuffer>>,
    buffer: FrameBuffer,
}

impl Wire {
    fn new() -> Self {
        let viewport = Viewport::Fixed(Rect::new(0, 0, 120, 40));
        let buffer = FrameBuffer::default();
        let backend = CrosstermBackend::new(buffer.clone());
        let terminal = Terminal::with_options(backend, TerminalOptions { viewport }).expect("a terminal");
        Self { terminal, buffer }
    }

    /// The bytes of the next frame.
    fn frame(&mut self, bench: &mut Bench) -> usize {
        self.terminal.draw(|frame| view::draw(&mut bench.state, frame)).expect("is drawn");
        self.buffer.take().len()
    }
}

#[tokio::test]
async fn frames_are_small() {
    let mut bench = Bench::new(120, 40).await;
    let mut wire = Wire::new();
    let mut sizes = vec![("first screen", wire.frame(&mut bench), 10_000)];
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
    ] {
        bench.press(names).await;
        sizes.push((name, wire.frame(&mut bench), most));
    }
    for (name, size, most) in &sizes {
        assert!(size <= most, "{name}: {size} bytes of {most}; all: {sizes:?}");
    }
}
