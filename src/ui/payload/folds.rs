//! Which values are folded, and how lines and values lead to each other.

use super::document::{Document, Line, LineKind, NONE, Sort};

/// The folded values of a document.
#[derive(Debug, Default)]
pub(super) struct Folds {
    folded: Vec<bool>,
}

impl Folds {
    pub(super) fn new(document: &Document) -> Self {
        Self { folded: vec![false; document.nodes.len()] }
    }

    pub(super) fn is_folded(&self, node: u32) -> bool {
        self.folded.get(node as usize).is_some_and(|folded| *folded)
    }

    /// Whether a line stands for a folded value.
    pub(super) fn is_folded_head(&self, line: &Line) -> bool {
        matches!(line.kind, LineKind::Open | LineKind::Flow | LineKind::Head | LineKind::Title)
            && self.is_folded(line.node)
    }

    /// Folds or unfolds; says whether that changed anything.
    pub(super) fn set(&mut self, document: &Document, node: u32, folded: bool) -> bool {
        let can = document.node(node).is_some_and(|node| node.can_fold() && node.sort != Sort::Text);
        match self.folded.get_mut(node as usize) {
            Some(known) if can && *known != folded => {
                *known = folded;
                true
            }
            _ => false,
        }
    }

    /// Folds what is nested `level` deep or deeper and unfolds the rest; titled parts are level 0.
    pub(super) fn set_level(&mut self, document: &Document, level: usize) {
        let below_title = usize::from(document.is_titled());
        for (node, folded) in document.nodes.iter().zip(&mut self.folded) {
            let depth = if node.sort == Sort::Part { 0 } else { usize::from(node.depth) + below_title };
            *folded = node.can_fold() && node.sort != Sort::Text && depth >= level;
        }
    }

    /// The first line that is not hidden of the values that a line belongs to: itself, where nothing hides it.
    pub(super) fn shown_head(&self, document: &Document, line: usize) -> usize {
        let mut shown = line;
        let mut node = document.lines.get(line).map_or(NONE, |line| line.node);
        while let Some(value) = document.node(node) {
            if self.is_folded(node) && value.line as usize != shown {
                shown = value.line as usize;
            }
            node = value.parent;
        }
        shown
    }

    /// The folded values that hide a line.
    pub(super) fn hiding(&self, document: &Document, line: usize) -> Vec<u32> {
        let mut hiding = Vec::new();
        let mut node = document.lines.get(line).map_or(NONE, |line| line.node);
        while let Some(value) = document.node(node) {
            if self.is_folded(node) && value.line as usize != line {
                hiding.push(node);
            }
            node = value.parent;
        }
        hiding
    }
}

/// The value that folding at a line would fold: its own, or the one around it.
pub(super) fn foldable_at(document: &Document, line: usize) -> Option<u32> {
    let mut node = document.lines.get(line)?.node;
    loop {
        let value = document.node(node)?;
        if value.can_fold() && value.sort != Sort::Text {
            return Some(node);
        }
        node = value.parent;
    }
}

/// The line of the value around the one at a line; for the inside of a value, the line it begins at.
pub(super) fn parent_line(document: &Document, line: usize) -> Option<usize> {
    let node = document.node(document.lines.get(line)?.node)?;
    if node.line as usize != line && node.sort != Sort::Text {
        return Some(node.line as usize);
    }
    document.node(node.parent).map(|parent| parent.line as usize)
}
