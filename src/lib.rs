//! turnscope.
pub mod domain;
pub mod import;
