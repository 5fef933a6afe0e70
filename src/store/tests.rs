//! The suite of the store: one story a test.
