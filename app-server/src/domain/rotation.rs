//! When a session's secret is replaced, and what an old one tells when it is shown.
//!
//! Browsers lose answers: a second click, a closed tab, twenty tabs at once. So a secret stays good
//! until its successor has been seen for a while, and a successor that never was seen does no harm.
//! A secret shown later than that is in two hands.

use chrono::{DateTime, TimeDelta, Utc};

/// A secret is replaced by the first navigation after this long.
pub const ROTATION_INTERVAL: TimeDelta = TimeDelta::minutes(15);

/// A secret stays good for this long after its successor was first shown.
pub const GRACE: TimeDelta = TimeDelta::seconds(30);

/// A secret that was shown, beside the one its session has now.
#[derive(Clone, Debug)]
pub struct Shown {
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// Where it stands among those its session has had.
    pub which: Which,
    /// When the present one was made.
    pub rotated_at: DateTime<Utc>,
    /// When the present one was first shown, or made if there was none before; unseen otherwise.
    pub used_at: Option<DateTime<Utc>>,
}

/// A secret's place among those its session has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one it has now.
    Present,
    /// The one before.
    Previous,
    /// An earlier one, or one that was replaced without ever having been seen.
    Past,
}

impl Shown {
    /// True when nobody but a thief, or somebody robbed, can still hold it.
    pub fn is_late(&self, now: DateTime<Utc>) -> bool {
        match self.which {
            Which::Present => false,
            Which::Previous => self.used_at.is_some_and(|used_at| now - used_at >= GRACE),
            Which::Past => true,
        }
    }

    /// True when the session shall have a new secret.
    ///
    /// The previous one is due again when the present one was never seen: its answer was lost.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        let holds_the_last = match self.which {
            Which::Present => true,
            Which::Previous => self.used_at.is_none(),
            Which::Past => false,
        };
        holds_the_last && now - self.rotated_at >= ROTATION_INTERVAL
    }

    /// True when the present secret has arrived: from now on the one before is running out.
    pub fn is_first_use(&self) -> bool {
        self.which == Which::Present && self.used_at.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(which: Which, used_after: Option<i64>) -> Shown {
        let rotated_at = DateTime::UNIX_EPOCH;
        Shown {
            hash: [0; 32],
            which,
            rotated_at,
            used_at: used_after.map(|seconds| rotated_at + TimeDelta::seconds(seconds)),
        }
    }

    fn after(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn the_previous_secret_is_late_thirty_seconds_after_the_new_one_was_seen() {
        let previous = shown(Which::Previous, Some(100));
        assert!(!previous.is_late(after(129)));
        assert!(previous.is_late(after(130)));
    }

    #[test]
    fn while_the_new_secret_is_unseen_the_previous_one_is_never_late() {
        let previous = shown(Which::Previous, None);
        assert!(!previous.is_late(after(86_400)));
        assert!(!previous.is_due(after(899)));
        assert!(previous.is_due(after(900)), "it is replaced once more");
        assert!(
            !shown(Which::Previous, Some(0)).is_due(after(900)),
            "seen: there is a better one"
        );
    }

    #[test]
    fn earlier_secrets_are_late_at_once_and_the_present_one_never() {
        assert!(shown(Which::Past, None).is_late(after(0)));
        assert!(!shown(Which::Past, None).is_due(after(900)));
        assert!(!shown(Which::Present, Some(0)).is_late(after(86_400)));
        assert!(shown(Which::Present, Some(0)).is_due(after(900)));
        assert!(!shown(Which::Present, Some(0)).is_due(after(899)));
    }

    #[test]
    fn only_the_present_secret_is_used_for_the_first_time() {
        assert!(shown(Which::Present, None).is_first_use());
        assert!(!shown(Which::Present, Some(1)).is_first_use());
        assert!(!shown(Which::Previous, None).is_first_use());
    }
}
