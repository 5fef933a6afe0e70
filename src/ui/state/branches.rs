//! Rows nested by branch: the tree, and which of its folds are closed.

use std::sync::Arc;

use super::Timeline;
use crate::timeline::{Rows, Tree};
use crate::ui::action::Fold;

/// Whether and how rows are nested.
#[derive(Debug, Default)]
pub(crate) struct Branches {
    /// Nested is how the user wants to see the rows.
    pub wanted: bool,
    /// The row above each row, and the rows that this was told of.
    pub parents: Option<(Arc<Rows>, Arc<Parents>)>,
    /// What has been asked for last.
    asked: Option<Asked>,
    /// What has been nested last; it may be of other rows than those that are shown now.
    nested: Option<Nested>,
    /// By row; those beyond the end are open.
    closed: Vec<bool>,
}

/// The row above each row.
pub(crate) type Parents = Vec<Option<u32>>;

/// What a question was about; `true` where parents were known.
type Asked = (Arc<Rows>, Option<Arc<Vec<u32>>>, bool);

/// The tree of the rows that pass, and the places in it that are visible.
#[derive(Debug)]
pub(crate) struct Nested {
    pub tree: Tree,
    rows: Arc<Rows>,
    shown: Option<Arc<Vec<u32>>>,
    /// Ranks, in order.
    visible: Vec<u32>,
}

/// What stands before the words of a row when rows are nested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Nothing stands below the row.
    Leaf,
    Open,
    Closed,
}

impl Nested {
    pub(crate) fn len(&self) -> usize {
        self.visible.len()
    }

    pub(crate) fn row_at(&self, line: usize) -> Option<usize> {
        self.tree.row(*self.visible.get(line)? as usize)
    }

    pub(crate) fn rank_at(&self, line: usize) -> usize {
        self.visible.get(line).map_or(0, |rank| *rank as usize)
    }

    /// The line of a rank; of one in a closed fold that of the fold.
    pub(crate) fn line_of(&self, rank: usize) -> usize {
        self.visible.partition_point(|visible| *visible as usize <= rank).saturating_sub(1)
    }
}

fn same<T>(one: &Option<Arc<T>>, other: &Option<Arc<T>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

impl Timeline {
    /// The rows as they are nested; `None` where they stand flat, or as long as it is not known how.
    pub(crate) fn nested(&self) -> Option<&Nested> {
        let nested = self.branches.nested.as_ref().filter(|_| self.branches.wanted)?;
        (Arc::ptr_eq(&nested.rows, &self.rows) && same(&nested.shown, &self.shown)).then_some(nested)
    }

    /// Takes the row above each row from the joins. Rows that came after these stand by themselves.
    pub(crate) fn take_parents(&mut self) {
        let Some(joined) = &self.joined else { return };
        let mut parents = joined.web.parents(self.session.number);
        parents.resize(self.rows.len(), None);
        for parent in &mut parents {
            *parent = parent.filter(|parent| (*parent as usize) < self.rows.len());
        }
        self.branches.parents = Some((self.rows.clone(), Arc::new(parents)));
        self.branches.nested = None;
    }

    /// The parents of the rows that are here; `None` where they are not known yet.
    pub(crate) fn parents(&self) -> Option<&Arc<Parents>> {
        let (rows, parents) = self.branches.parents.as_ref()?;
        Arc::ptr_eq(rows, &self.rows).then_some(parents)
    }

    /// Whether what is missing now has not been asked for yet; it counts as asked for from now on.
    pub(crate) fn ask_once(&mut self) -> bool {
        let known = self.parents().is_some();
        let shown = self.shown.clone().filter(|_| known);
        let same_as = |(rows, of, with): &Asked| Arc::ptr_eq(rows, &self.rows) && same(of, &shown) && *with == known;
        if self.branches.asked.as_ref().is_some_and(same_as) {
            return false;
        }
        self.branches.asked = Some((self.rows.clone(), shown, known));
        true
    }

    /// Whether a tree of these rows is the one that is missing.
    pub(crate) fn awaits(&self, rows: &Arc<Rows>, shown: &Option<Arc<Vec<u32>>>) -> bool {
        Arc::ptr_eq(rows, &self.rows) && same(shown, &self.shown)
    }

    /// Nests the rows by a tree of those that pass; the cursor stays with its row.
    pub(crate) fn nest(&mut self, tree: Tree, height: usize) {
        let row = self.current();
        let visible = tree.visible(|row| self.is_closed(row));
        let (rows, shown) = (self.rows.clone(), self.shown.clone());
        self.branches.nested = Some(Nested { tree, rows, shown, visible });
        self.stay_at(row, height);
    }

    /// Lets the rows stand flat, or nested again; the cursor stays with its row.
    pub(crate) fn set_nested(&mut self, wanted: bool, height: usize) {
        let row = self.current();
        self.branches.wanted = wanted;
        self.stay_at(row, height);
    }

    fn stay_at(&mut self, row: Option<usize>, height: usize) {
        self.range = None;
        let (line, length) = (row.map_or(0, |row| self.line_of(row)), self.len());
        self.list.jump(line, length, height);
    }

    fn is_closed(&self, row: usize) -> bool {
        self.branches.closed.get(row).copied().unwrap_or(false)
    }

    /// How deep a line lies, and whether it opens a fold.
    pub(crate) fn sign_at(&self, line: usize) -> Option<(usize, Sign)> {
        let nested = self.nested()?;
        let rank = nested.rank_at(line);
        let sign = match (nested.tree.is_branch(rank), nested.tree.row(rank).is_some_and(|row| self.is_closed(row))) {
            (false, _) => Sign::Leaf,
            (true, false) => Sign::Open,
            (true, true) => Sign::Closed,
        };
        Some((nested.tree.depth(rank), sign))
    }

    /// Opens or closes folds; `false` where nothing changed. A fold under the cursor is that of its row, or of the row above.
    pub(crate) fn fold(&mut self, wish: Fold, height: usize) -> bool {
        let Some(nested) = self.nested() else { return false };
        let here = nested.rank_at(self.list.at);
        let holder = if nested.tree.is_branch(here) { Some(here) } else { nested.tree.parent(here) };
        let holder = holder.and_then(|rank| nested.tree.row(rank));
        let here_closed = nested.tree.row(here).is_some_and(|row| self.is_closed(row));
        let mut closed = std::mem::take(&mut self.branches.closed);
        closed.resize(self.rows.len(), false);
        let before = closed.clone();
        let set = |closed: &mut Vec<bool>, row: Option<usize>, to| {
            if let Some(fold) = row.and_then(|row| closed.get_mut(row)) {
                *fold = to;
            }
        };
        match wish {
            Fold::Toggle => set(&mut closed, holder, !here_closed),
            Fold::Close => set(&mut closed, holder, true),
            Fold::Open => set(&mut closed, holder, false),
            Fold::CloseAll => self.close_from(&mut closed, 0),
            Fold::OpenAll => closed.fill(false),
            Fold::Level(level) => self.close_from(&mut closed, usize::from(level).saturating_sub(1)),
        }
        let changed = closed != before;
        self.branches.closed = closed;
        if changed {
            self.refold(height);
        }
        changed
    }

    /// Closes all branches from a depth on, and opens those above.
    fn close_from(&self, closed: &mut [bool], depth: usize) {
        let Some(nested) = self.nested() else { return };
        for rank in 0..nested.tree.len() {
            if let Some(fold) = nested.tree.row(rank).and_then(|row| closed.get_mut(row)) {
                *fold = nested.tree.is_branch(rank) && nested.tree.depth(rank) >= depth;
            }
        }
    }

    /// Works out anew what is visible; a cursor in a fold that closed goes to the fold.
    fn refold(&mut self, height: usize) {
        let row = self.current();
        let Some(nested) = self.nested() else { return };
        let visible = nested.tree.visible(|row| self.is_closed(row));
        if let Some(nested) = &mut self.branches.nested {
            nested.visible = visible;
        }
        self.stay_at(row, height);
    }

    /// Opens the folds that a row lies in.
    fn reveal(&mut self, row: usize, height: usize) {
        let Some(nested) = self.nested() else { return };
        let Some(mut rank) = nested.tree.rank(row) else { return };
        let mut above = Vec::new();
        while let Some(parent) = nested.tree.parent(rank) {
            above.extend(nested.tree.row(parent).filter(|row| self.is_closed(*row)));
            rank = parent;
        }
        if above.is_empty() {
            return;
        }
        for row in above {
            self.branches.closed[row] = false;
        }
        self.refold(height);
    }

    /// Puts the cursor on a row, or on the next one that is shown; opens the folds that it lies in.
    pub(crate) fn land_on(&mut self, row: usize, height: usize) {
        self.reveal(row, height);
        let (line, length) = (self.line_of(row), self.len());
        self.list.jump(line, length, height);
    }

    /// Forgets folds of rows that are other rows now.
    pub(super) fn keep_folds(&mut self, rows: &Rows) {
        let known = |rows: &Rows, row: usize| rows.members(row).first().copied();
        let before = self.rows.clone();
        for (row, closed) in self.branches.closed.iter_mut().enumerate().filter(|(_, closed)| **closed) {
            *closed = known(&before, row) == known(rows, row);
        }
    }

    /// The number of places that jumps go through: those in closed folds too.
    pub(crate) fn ranks(&self) -> usize {
        self.nested().map_or_else(|| self.len(), |nested| nested.tree.len())
    }

    /// The place of the cursor among them.
    pub(crate) fn rank(&self) -> usize {
        self.nested().map_or(self.list.at, |nested| nested.rank_at(self.list.at))
    }

    /// The row at a place.
    pub(crate) fn row_of_rank(&self, rank: usize) -> Option<usize> {
        match self.nested() {
            Some(nested) => nested.tree.row(rank),
            None => self.row_at(rank),
        }
    }

    /// The place of a row; `None` where it does not pass.
    pub(crate) fn rank_of(&self, row: usize) -> Option<usize> {
        match self.nested() {
            Some(nested) => nested.tree.rank(row),
            None => Some(self.line_of(row)).filter(|line| self.row_at(*line) == Some(row)),
        }
    }

    /// The row above the one under the cursor.
    pub(crate) fn parent_row(&self) -> Option<usize> {
        let nested = self.nested()?;
        nested.tree.row(nested.tree.parent(nested.rank_at(self.list.at))?)
    }
}
