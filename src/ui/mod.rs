//! The screen.

pub mod payload;
pub mod theme;
