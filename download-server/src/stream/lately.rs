//! What of an open file was lately found in memory, for all of its deliveries.
//!
//! A file that many ask for is in memory already: what one delivery has made sure of, the others of
//! the next two seconds need not look at again. Looking is a fifth of what a large file costs, and
//! takes turns with sending it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Known as a whole, or not.
pub(super) const BLOCK_BYTES: u64 = 256 * 1024;

/// For so long what was read is taken to be still in memory.
pub(super) const FRESH: Duration = Duration::from_secs(2);

/// When each block of an open file was last found in memory.
///
/// # Units
/// 32 KiB for each GiB of what was read.
#[derive(Debug)]
pub(crate) struct Lately {
    epoch: Instant,
    /// Milliseconds since `epoch`, and one; 0 for never. A std mutex: never held across an await.
    blocks: Mutex<Vec<u64>>,
}

impl Lately {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            blocks: Mutex::default(),
        }
    }

    /// Notes that all of `start..end` was in memory at `at`.
    pub(super) fn note(&self, start: u64, end: u64, at: Instant) {
        let (first, last) = (start.div_ceil(BLOCK_BYTES), end / BLOCK_BYTES);
        let (Ok(first), Ok(last)) = (usize::try_from(first), usize::try_from(last)) else {
            return;
        };
        let mut blocks = self.lock();
        if blocks.len() < last {
            blocks.resize(last, 0);
        }
        let at = self.millis(at);
        for block in blocks.get_mut(first..last).unwrap_or_default() {
            *block = at;
        }
    }

    /// Up to where everything from `start` on was lately in memory, but no further than about
    /// `most` bytes, and when the oldest of it was noted; none when nothing was.
    pub(super) fn known_from(&self, start: u64, most: u64, now: Instant) -> Option<(u64, Instant)> {
        let first = usize::try_from(start / BLOCK_BYTES).ok()?;
        let n_blocks = usize::try_from(most / BLOCK_BYTES).ok()?.max(1);
        let oldest = self.millis(now.checked_sub(FRESH)?.max(self.epoch));
        let blocks = self.lock();
        let fresh = blocks.iter().skip(first).take(n_blocks);
        let fresh = fresh.take_while(|at| **at > oldest);
        let (n_fresh, at) = fresh.fold((0, u64::MAX), |(n, least), at| (n + 1, least.min(*at)));
        if n_fresh == 0 {
            return None;
        }
        let until = (start / BLOCK_BYTES + n_fresh) * BLOCK_BYTES;
        Some((until, self.epoch + Duration::from_millis(at - 1)))
    }

    fn millis(&self, at: Instant) -> u64 {
        let millis = at.saturating_duration_since(self.epoch).as_millis();
        u64::try_from(millis).map_or(u64::MAX, |millis| millis.saturating_add(1))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_blocks_are_known_and_for_two_seconds() {
        let lately = Lately::new();
        let at = lately.epoch + Duration::from_secs(10);
        let known = |start, later: Duration| {
            let known = lately.known_from(start * BLOCK_BYTES, 64 * BLOCK_BYTES, at + later);
            known.map(|(until, at)| (until / BLOCK_BYTES, at))
        };
        lately.note(BLOCK_BYTES / 2, 4 * BLOCK_BYTES + 1, at);
        lately.note(6 * BLOCK_BYTES, 8 * BLOCK_BYTES, at);

        assert_eq!(known(0, Duration::ZERO), None);
        assert_eq!(known(1, Duration::ZERO), Some((4, at)));
        assert_eq!(known(3, FRESH / 2), Some((4, at)));
        assert_eq!(known(4, Duration::ZERO), None);
        assert_eq!(known(7, Duration::ZERO), Some((8, at)));
        assert_eq!(known(8, Duration::ZERO), None);
        assert_eq!(known(1, FRESH), None);
    }

    #[test]
    fn a_file_that_stays_open_for_months_is_looked_at_anew_as_on_the_first_day() {
        let lately = Lately::new();
        for days in [1, 49, 50, 99, 400] {
            let at = lately.epoch + Duration::from_hours(24 * days);
            assert_eq!(lately.known_from(0, BLOCK_BYTES, at), None, "{days}");
            lately.note(0, BLOCK_BYTES, at);
            let known = Some((BLOCK_BYTES, at));
            assert_eq!(lately.known_from(0, BLOCK_BYTES, at), known, "{days}");
        }
    }

    #[test]
    fn what_is_known_is_as_old_as_its_oldest_block_and_not_endless() {
        let lately = Lately::new();
        let (early, late) = (lately.epoch + FRESH, lately.epoch + FRESH + FRESH / 2);
        lately.note(0, 100 * BLOCK_BYTES, late);
        lately.note(2 * BLOCK_BYTES, 3 * BLOCK_BYTES, early);

        let most = 8 * BLOCK_BYTES;
        assert_eq!(lately.known_from(0, most, late), Some((most, early)));
        assert_eq!(lately.known_from(1, 1, late), Some((BLOCK_BYTES, late)));
        let inside = 5 * BLOCK_BYTES + 7;
        assert_eq!(
            lately.known_from(inside, most, late),
            Some((13 * BLOCK_BYTES, late))
        );
    }
}
