//! Stdout: data only, as JSON lines or as tables that fit the terminal.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use anyhow::{Context, Result};
use serde::Serialize;

use super::zone::Zone;
use crate::cli::Color;
use crate::domain::price::Prices;
use crate::domain::{Timestamp, escape_json};

/// Where data goes, and what it should look like there.
pub struct Output {
    pub json: bool,
    pub terminal: bool,
    pub colored: bool,
    /// Columns of the terminal.
    pub width: usize,
    pub zone: Zone,
    /// What models cost.
    pub prices: Prices,
    pub out: BufWriter<Stdout>,
}

impl Output {
    pub fn new(json: bool, color: Option<Color>, zone: Zone, prices: Prices) -> Self {
        let terminal = io::stdout().is_terminal();
        // Asked of a terminal only: elsewhere the question would start other programs.
        let size = terminal.then(|| crossterm::terminal::size().ok()).flatten();
        let width = size.map_or(0, |(columns, _)| usize::from(columns));
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colored = match color {
            Some(Color::Always) => true,
            Some(Color::Never) => false,
            None | Some(Color::Auto) => terminal && !plain,
        };
        let out = BufWriter::with_capacity(64 * 1024, io::stdout());
        Self { json, terminal, colored, width: if width == 0 { 80 } else { width.max(20) }, zone, prices, out }
    }

    /// One JSON object on a line of its own, harmless on any terminal.
    pub fn object(&mut self, object: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string(object).context("could not write JSON")?;
        self.line(&escape_json(&json))
    }

    /// One line of text that is already safe to print.
    pub fn line(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{text}").context("could not write the output")
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).context("could not write the output")
    }

    pub fn finish(&mut self) -> Result<()> {
        self.out.flush().context("could not write the output")
    }

    /// A time in a table: whole in a pipe, short on a terminal.
    pub fn time(&self, time: Option<Timestamp>) -> String {
        match time {
            Some(time) if self.terminal => self.zone.short(time),
            Some(time) => self.zone.full(time),
            None => String::new(),
        }
    }

    /// Bold where colors are on.
    pub fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    pub fn red(&self, text: &str) -> String {
        self.styled("31", text)
    }

    fn styled(&self, code: &str, text: &str) -> String {
        if self.colored && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
