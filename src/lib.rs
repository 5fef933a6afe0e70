//! turnscope.
pub mod domain;
pub mod import;
pub mod ui;
