//! Known browsers: those that an account was signed in with before.

use chrono::TimeDelta;

use super::secret::secret_like_a_sessions;

/// How long a browser stays known after its last sign-in; its cookie lasts as long.
pub const KEPT: TimeDelta = TimeDelta::days(365);

/// Browsers known of one user; the one that was longest without a sign-in makes room.
pub const MAX_PER_USER: i64 = 50;

secret_like_a_sessions! {
    /// What a known browser's cookie holds, 256 random bits.
    ///
    /// It proves nothing about who is there. It only keeps failed guesses elsewhere from holding up
    /// the account's owner.
    DeviceSecret
}
