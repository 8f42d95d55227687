//! The rows of a rendition: every segment that is listed or retained, oldest first.
//!
//! Rows lie in shared blocks, so that a snapshot takes a list by two reference counts, and an
//! append copies one small block's pointers at most.

use std::sync::Arc;

use super::segment::Segment;
use crate::units::MediaDuration;

/// Rows in one block.
const BLOCK: usize = 64;

/// Segments in the order of their numbers, cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Full blocks.
    blocks: Arc<Vec<Arc<[Arc<Segment>]>>>,
    /// The rows after them, under [`BLOCK`].
    tail: Arc<Vec<Arc<Segment>>>,
    /// Rows removed from the front of the first block, under [`BLOCK`].
    removed: usize,
}

impl Rows {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.len() * BLOCK + self.tail.len() - self.removed
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row at `index`, 0 being the oldest.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Arc<Segment>> {
        let at = index + self.removed;
        match self.blocks.get(at / BLOCK) {
            Some(block) => block.get(at % BLOCK),
            None => self.tail.get(at - self.blocks.len() * BLOCK),
        }
    }

    /// The newest row.
    #[must_use]
    pub fn last(&self) -> Option<&Arc<Segment>> {
        self.len().checked_sub(1).and_then(|i| self.get(i))
    }

    /// The rows from `from` on.
    pub fn iter_from(&self, from: usize) -> impl DoubleEndedIterator<Item = &Arc<Segment>> {
        (from..self.len()).filter_map(|i| self.get(i))
    }

    /// The index of the first row for which `before` is false; rows are partitioned by it.
    #[must_use]
    pub fn partition_point(&self, before: impl Fn(&Segment) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.get(middle).is_some_and(|row| before(row)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The index of the last of the first `rows` rows from which on media is at least `span` long
    /// together; `None` where all of it is not. Gaps and holes between rows count for nothing.
    #[must_use]
    pub fn last_spanning(&self, rows: usize, span: MediaDuration) -> Option<usize> {
        self.last_with(rows, span, |row| !row.is_gap())
    }

    /// As [`Rows::last_spanning`] of all rows, with gaps counted at their length.
    #[must_use]
    pub fn last_reaching(&self, span: MediaDuration) -> Option<usize> {
        self.last_with(self.len(), span, |_| true)
    }

    fn last_with(
        &self,
        rows: usize,
        span: MediaDuration,
        counts: impl Fn(&Segment) -> bool,
    ) -> Option<usize> {
        let mut sum = MediaDuration::ZERO;
        (0..rows.min(self.len())).rev().find(|i| {
            let counted = self.get(*i).filter(|row| counts(row));
            sum = sum + counted.map_or(MediaDuration::ZERO, |row| row.length());
            sum >= span
        })
    }

    /// The row of this number.
    #[must_use]
    pub fn by_number(&self, number: u64) -> Option<&Arc<Segment>> {
        let at = self.partition_point(|row| row.number < number);
        self.get(at).filter(|row| row.number == number)
    }

    pub(super) fn push(&mut self, row: Arc<Segment>) {
        let tail = Arc::make_mut(&mut self.tail);
        tail.push(row);
        if tail.len() == BLOCK {
            let block: Arc<[Arc<Segment>]> = std::mem::take(tail).into();
            Arc::make_mut(&mut self.blocks).push(block);
        }
    }

    /// Takes the newest row out.
    pub(super) fn remove_last(&mut self) {
        if self.tail.is_empty() {
            let Some(block) = Arc::make_mut(&mut self.blocks).pop() else { return };
            self.tail = Arc::new(block.to_vec());
        }
        Arc::make_mut(&mut self.tail).pop();
        if self.blocks.is_empty() && self.removed > 0 {
            // What was removed from the front of the block is in the tail now.
            Arc::make_mut(&mut self.tail).drain(..self.removed);
            self.removed = 0;
        }
    }

    pub(super) fn remove_first(&mut self) -> Option<Arc<Segment>> {
        let first = self.get(0).cloned()?;
        if self.blocks.is_empty() {
            Arc::make_mut(&mut self.tail).remove(0);
            return Some(first);
        }
        self.removed += 1;
        if self.removed == BLOCK {
            Arc::make_mut(&mut self.blocks).remove(0);
            self.removed = 0;
        }
        Some(first)
    }
}
