//! Which rows are tied together, directly or over others: sets that grow by being united.

/// Sets of numbers, each number in one set.
#[derive(Debug)]
pub(super) struct Union {
    above: Vec<u32>,
}

impl Union {
    /// Every number from 0 on alone.
    pub(super) fn of(count: usize) -> Self {
        Self { above: (0..count as u32).collect() }
    }

    /// The number that stands for the set.
    pub(super) fn root(&mut self, mut number: u32) -> u32 {
        while self.above[number as usize] != number {
            let next = self.above[self.above[number as usize] as usize];
            self.above[number as usize] = next;
            number = next;
        }
        number
    }

    /// Unites the sets of two numbers; `false` where they were one already.
    pub(super) fn unite(&mut self, one: u32, other: u32) -> bool {
        let (one, other) = (self.root(one), self.root(other));
        // The smaller number stands for both, so that a set is named by its first row.
        self.above[one.max(other) as usize] = one.min(other);
        one != other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_united_once_and_named_by_their_smallest_number() {
        let mut union = Union::of(5);
        assert!(union.unite(4, 2) && union.unite(2, 3) && !union.unite(3, 4));
        assert_eq!([0, 1, 2, 3, 4].map(|number| union.root(number)), [0, 1, 2, 2, 2]);
    }
}
