//! The only place that reads the time.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// What time it is, as an argument: the system's clock, or one that a test moves.
///
/// Cloning gives a second handle on the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// Microseconds since 1970-01-01T00:00:00Z, PostgreSQL's own resolution.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `at` until it is moved.
    pub fn manual(at: DateTime<Utc>) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(
            at.timestamp_micros(),
        ))))
    }

    /// The present moment, in UTC, to the microsecond: what the database can keep.
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock is the one reader of the time"
    )]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => Utc::now().trunc_subsecs(6),
            Source::Manual(micros) => {
                DateTime::from_timestamp_micros(micros.load(Ordering::SeqCst)).unwrap_or_default()
            }
        }
    }

    /// The present moment in whole seconds since 1970-01-01T00:00:00Z (RFC 7519 §2, NumericDate).
    pub fn unix_secs(&self) -> i64 {
        self.now().timestamp()
    }

    /// Moves a manual clock by `by`, backwards when negative; the system's clock cannot be moved.
    pub fn advance(&self, by: TimeDelta) {
        if let Source::Manual(micros) = &self.0 {
            micros.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_until_it_is_moved_in_either_direction() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let second_handle = clock.clone();

        clock.advance(TimeDelta::seconds(90));
        assert_eq!(second_handle.unix_secs(), 90);
        clock.advance(TimeDelta::seconds(-30));
        assert_eq!(second_handle.unix_secs(), 60);
    }

    #[test]
    fn the_systems_clock_does_not_move_on_request() {
        let clock = Clock::system();
        let before = clock.now();
        clock.advance(TimeDelta::days(365));
        assert!(clock.now() - before < TimeDelta::days(1));
    }
}
