//! The screen as a whole: keys in, requests and pictures out, on a small store made by hand.

mod bench;
mod bytes;
mod filter;
mod flow;
mod picture;
mod random;
mod sample;
