//! Sets of positions, as sorted ranges that neither touch nor overlap.

/// A set of positions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub(crate) fn insert(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let first = self.0.partition_point(|range| range.1 < from);
        let last = self.0.partition_point(|range| range.0 <= to);
        let (mut begin, mut end) = (from, to);
        if first < last {
            begin = begin.min(self.0[first].0);
            end = end.max(self.0[last - 1].1);
        }
        self.0.splice(first..last, [(begin, end)]);
    }

    /// The first position at or after `from` that is not in the set.
    pub(crate) fn gap_after(&self, from: u64) -> u64 {
        let index = self.0.partition_point(|range| range.1 <= from);
        match self.0.get(index) {
            Some(range) if range.0 <= from => range.1,
            _ => from,
        }
    }

    pub(crate) fn covers(&self, from: u64, to: u64) -> bool {
        from >= to || self.gap_after(from) >= to
    }

    /// Positions of `from..to` that are in the set.
    pub(crate) fn count_in(&self, from: u64, to: u64) -> u64 {
        let index = self.0.partition_point(|range| range.1 <= from);
        let inside = self.0[index..].iter().take_while(|range| range.0 < to);
        inside.map(|range| range.1.min(to) - range.0.max(from)).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_and_count() {
        let mut ranges = Ranges::default();
        ranges.insert(10, 20);
        ranges.insert(30, 40);
        ranges.insert(20, 25);
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [(10, 25), (30, 40)]);
        assert_eq!((ranges.gap_after(5), ranges.gap_after(10), ranges.gap_after(33)), (5, 25, 40));
        assert_eq!(ranges.count_in(0, 35), 20);
        ranges.insert(5, 50);
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [(5, 50)]);
        assert!(ranges.covers(5, 50) && !ranges.covers(4, 6) && ranges.covers(60, 60));
    }
}
