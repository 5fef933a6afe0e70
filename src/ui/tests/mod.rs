//! The screen as a whole: keys in, requests and pictures out, on a small store made by hand.

pub(in crate::ui) mod bench;
mod bytes;
mod correlation;
mod filter;
mod flow;
mod following;
mod hiding;
mod lanes;
mod lens;
mod picture;
mod random;
mod sample;
mod searching;
mod told;
