//! The screen: a pure core (`state`, `update`) between keys that come in and frames that go out.
//!
//! ```text
//!    terminal bytes ─► keyboard ─► Message ─► update(&mut State) ─► Requests
//!          ▲                        ▲                                │
//!          │                        └──────── request::answer ◄──────┘
//!          └── one write() a frame ◄── view::draw(State)
//! ```
//!
//! `update` knows neither clock, store nor terminal; `view` decides nothing; only `request` knows the store.

pub mod payload;
pub mod theme;

mod action;
mod ahead;
mod artifacts;
mod catalog;
mod facts;
mod files;
mod groups;
mod history;
mod input;
mod insight;
mod key;
mod keyboard;
mod keymap;
mod layout;
mod list;
mod message;
mod painter;
mod phrase;
mod request;
mod run;
mod scroll;
mod sheet;
mod state;
mod terminal;
mod text;
mod tty;
mod turns;
mod update;
mod view;
mod why;
mod words;

pub use keymap::{KeyRow, Keys, Rebinding, key_rows, readme_table};
pub use message::Outside;
pub use request::{Answer, Backend, Cancel, Elsewhere, Refresh, Told};
pub use run::{Importing, Start, run};
pub use state::{Ended, Options, ThemeChoice};
#[cfg(test)]
mod tests;
