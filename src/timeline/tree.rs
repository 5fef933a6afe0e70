//! Rows nested by branch: which row stands below which, what is visible when folds are closed, and what a fold hides.

use super::{Row, Rows, State};

/// The mark for "none" among row numbers and ranks.
const NONE: u32 = u32::MAX;

/// What a branch holds besides its first row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hidden {
    pub rows: usize,
    pub errors: usize,
    /// The sum of what is known; -1 where nothing is.
    pub tokens: i64,
    /// Microseconds from the first row to the end of the last one.
    pub time: i64,
}

/// One place of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Node {
    row: u32,
    parent: u32,
    /// The nodes from here on that belong to the branch, this one included.
    size: u32,
    errors: u32,
    depth: u16,
    tokens: i64,
    ended: i64,
}

/// Rows in the order in which they stand when nested. A place in it is a rank.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: Vec<Node>,
    /// The rank of a row, for all rows.
    ranks: Vec<u32>,
}

impl Tree {
    /// Nests rows. A parent must be an earlier row; any other is taken for none.
    ///
    /// With `shown` (rows in order) only these stand in the tree, each below the nearest of those above it that does.
    /// Linear.
    pub fn of(rows: &Rows, parents: &[Option<u32>], shown: Option<&[u32]>) -> Self {
        let count = rows.len();
        let mut takes = vec![shown.is_none(); count];
        for row in shown.unwrap_or_default() {
            if let Some(taken) = takes.get_mut(*row as usize) {
                *taken = true;
            }
        }
        // The nearest row that stands in the tree, at or above a row.
        let mut nearest = vec![NONE; count];
        let mut above = vec![NONE; count];
        for row in 0..count {
            let parent = parents.get(row).copied().flatten().filter(|parent| (*parent as usize) < row);
            above[row] = parent.map_or(NONE, |parent| nearest[parent as usize]);
            nearest[row] = if takes[row] { row as u32 } else { above[row] };
        }
        let order: Vec<u32> = (0..count as u32).filter(|row| takes[*row as usize]).collect();
        let mut sizes = vec![1u32; count];
        for row in order.iter().rev().map(|row| *row as usize) {
            if above[row] != NONE {
                sizes[above[row] as usize] += sizes[row];
            }
        }
        Self::place(rows, &order, &above, &sizes)
    }

    fn place(rows: &Rows, order: &[u32], above: &[u32], sizes: &[u32]) -> Self {
        let mut ranks = vec![NONE; rows.len()];
        // Where the next row below a row goes.
        let mut next = vec![0u32; rows.len()];
        let mut next_root = 0;
        let blank = Node { row: 0, parent: NONE, size: 1, errors: 0, depth: 0, tokens: -1, ended: 0 };
        let mut nodes = vec![blank; order.len()];
        for row in order.iter().map(|row| *row as usize) {
            let free = if above[row] == NONE { &mut next_root } else { &mut next[above[row] as usize] };
            let rank = *free;
            *free += sizes[row];
            (ranks[row], next[row]) = (rank, rank + 1);
            let parent = ranks.get(above[row] as usize).copied().unwrap_or(NONE);
            let depth = nodes.get(parent as usize).map_or(0, |parent| parent.depth.saturating_add(1));
            let summed = rows.get(row).map_or(blank, of_row);
            nodes[rank as usize] = Node { row: row as u32, parent, size: sizes[row], depth, ..summed };
        }
        for rank in (0..nodes.len()).rev() {
            let node = nodes[rank];
            if let Some(parent) = nodes.get_mut(node.parent as usize) {
                parent.errors += node.errors;
                parent.ended = parent.ended.max(node.ended);
                if node.tokens >= 0 {
                    parent.tokens = parent.tokens.max(0).saturating_add(node.tokens);
                }
            }
        }
        Self { nodes, ranks }
    }

    /// The number of rows in it.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub fn row(&self, rank: usize) -> Option<usize> {
        self.nodes.get(rank).map(|node| node.row as usize)
    }

    /// The place of a row; `None` where it does not stand in the tree.
    pub fn rank(&self, row: usize) -> Option<usize> {
        self.ranks.get(row).filter(|rank| **rank != NONE).map(|rank| *rank as usize)
    }

    /// How deep a place lies; the first level is 0.
    pub fn depth(&self, rank: usize) -> usize {
        self.nodes.get(rank).map_or(0, |node| usize::from(node.depth))
    }

    /// The rank of the row above.
    pub fn parent(&self, rank: usize) -> Option<usize> {
        self.nodes.get(rank).filter(|node| node.parent != NONE).map(|node| node.parent as usize)
    }

    /// Whether anything stands below it.
    pub fn is_branch(&self, rank: usize) -> bool {
        self.nodes.get(rank).is_some_and(|node| node.size > 1)
    }

    /// The ranks that are visible when branches are closed; `closed` is asked by row. Linear in what is visible.
    pub fn visible(&self, closed: impl Fn(usize) -> bool) -> Vec<u32> {
        let mut visible = Vec::new();
        let mut rank = 0;
        while let Some(node) = self.nodes.get(rank) {
            visible.push(rank as u32);
            rank += if closed(node.row as usize) { node.size as usize } else { 1 };
        }
        visible
    }

    /// What a branch holds below its first row.
    pub fn hidden(&self, rows: &Rows, rank: usize) -> Hidden {
        let Some(node) = self.nodes.get(rank) else { return Hidden::default() };
        let Some(row) = rows.get(node.row as usize) else { return Hidden::default() };
        let own = of_row(row);
        let below = self.nodes.get(rank + 1..rank + node.size as usize).unwrap_or_default();
        let known = below.iter().any(|node| node.tokens >= 0);
        Hidden {
            rows: node.size as usize - 1,
            errors: (node.errors - own.errors) as usize,
            tokens: if known { node.tokens - own.tokens.max(0) } else { -1 },
            time: node.ended.saturating_sub(row.time.0).max(0),
        }
    }
}

/// What a row itself adds to its branch.
fn of_row(row: &Row) -> Node {
    Node {
        row: 0,
        parent: NONE,
        size: 1,
        errors: u32::from(matches!(row.state, State::Error | State::Bad)),
        depth: 0,
        tokens: row.tokens,
        ended: row.busy_until().0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Head, Kind, Phase, Timestamp, flag};

    /// Rows a second apart: every third failed, each with ten tokens more than the one before.
    fn rows(count: i64) -> Rows {
        let heads: Vec<Head> = (0..count)
            .map(|number| Head {
                number,
                time: Timestamp(number * 1_000_000),
                turn: 0,
                kind: Kind::Tool,
                phase: Phase::Whole,
                flags: if number % 3 == 2 { flag::ERROR } else { 0 },
                tokens: if number == 0 { -1 } else { number * 10 },
                latency: -1,
            })
            .collect();
        Rows::of(&heads)
    }

    /// 0 ─ 1 ─ 3, 0 ─ 4, 2 ─ 5.
    const PARENTS: [Option<u32>; 6] = [None, Some(0), None, Some(1), Some(0), Some(2)];

    fn shown(tree: &Tree, visible: &[u32]) -> Vec<(usize, usize)> {
        visible.iter().filter_map(|rank| Some((tree.row(*rank as usize)?, tree.depth(*rank as usize)))).collect()
    }

    #[test]
    fn rows_stand_below_their_parents_in_order() {
        let tree = Tree::of(&rows(6), &PARENTS, None);
        let all = tree.visible(|_| false);
        assert_eq!(shown(&tree, &all), [(0, 0), (1, 1), (3, 2), (4, 1), (2, 0), (5, 1)]);
        let ranks: Vec<Option<usize>> = (0..7).map(|row| tree.rank(row)).collect();
        assert_eq!(ranks, [Some(0), Some(1), Some(4), Some(2), Some(3), Some(5), None]);
        assert_eq!((tree.parent(2), tree.parent(0)), (Some(1), None));
    }

    #[test]
    fn a_closed_branch_shows_only_its_first_row() {
        let tree = Tree::of(&rows(6), &PARENTS, None);
        assert_eq!(shown(&tree, &tree.visible(|row| row == 0)), [(0, 0), (2, 0), (5, 1)]);
        assert_eq!(shown(&tree, &tree.visible(|row| row == 1)), [(0, 0), (1, 1), (4, 1), (2, 0), (5, 1)]);
        assert!(tree.is_branch(0) && !tree.is_branch(2));
    }

    #[test]
    fn a_closed_branch_says_what_it_hides() {
        let rows = rows(6);
        let tree = Tree::of(&rows, &PARENTS, None);
        assert_eq!(tree.hidden(&rows, 0), Hidden { rows: 3, errors: 0, tokens: 80, time: 4_000_000 });
        assert_eq!(tree.hidden(&rows, 4), Hidden { rows: 1, errors: 1, tokens: 50, time: 3_000_000 });
        assert_eq!(tree.hidden(&rows, 2), Hidden { rows: 0, errors: 0, tokens: -1, time: 0 });
    }

    #[test]
    fn a_row_whose_parent_is_not_shown_stands_below_the_next_one_above() {
        let tree = Tree::of(&rows(6), &PARENTS, Some(&[0, 3, 5]));
        assert_eq!(shown(&tree, &tree.visible(|_| false)), [(0, 0), (3, 1), (5, 0)]);
        assert_eq!(tree.rank(1), None);
    }

    #[test]
    fn a_parent_that_is_not_earlier_is_none() {
        let tree = Tree::of(&rows(3), &[Some(0), Some(2), Some(1)], None);
        assert_eq!(shown(&tree, &tree.visible(|_| false)), [(0, 0), (1, 0), (2, 1)]);
        assert_eq!(Tree::of(&rows(0), &[], None).visible(|_| true), [0u32; 0]);
    }

    proptest::proptest! {
        #[test]
        fn every_row_stands_in_the_tree_once_and_behind_its_parent(seeds in proptest::collection::vec(0u32..40, 0..60)) {
            let parents: Vec<Option<u32>> =
                (0u32..).zip(&seeds).map(|(row, seed)| row.checked_sub(*seed).filter(|_| *seed % 3 > 0)).collect();
            let rows = rows(parents.len() as i64);
            let tree = Tree::of(&rows, &parents, None);
            let mut stood: Vec<usize> = (0..tree.len()).filter_map(|rank| tree.row(rank)).collect();
            stood.sort_unstable();
            proptest::prop_assert_eq!(stood, (0..parents.len()).collect::<Vec<_>>());
            for (row, parent) in parents.iter().enumerate() {
                let expected = parent.filter(|parent| (*parent as usize) < row).map(|parent| parent as usize);
                let rank = tree.rank(row).expect("stands");
                proptest::prop_assert_eq!(tree.parent(rank).and_then(|rank| tree.row(rank)), expected);
            }
        }
    }
}
