//! Deleting an account: when, and what is left.

use chrono::{DateTime, TimeDelta, Utc};

use super::ids::UserId;

/// Time to think again.
pub const GRACE: TimeDelta = TimeDelta::days(14);

/// When an account is deleted whose owner asked for it at `asked_at`.
pub fn due_at(asked_at: DateTime<Utc>) -> DateTime<Utc> {
    asked_at + GRACE
}

/// The address of an account that is gone: unique, and no mail ever reaches it (RFC 6761 §6.4).
pub fn address(user: UserId) -> String {
    format!("deleted-{user}@invalid")
}

/// What an account that is gone is called.
pub const NAME: &str = "Deleted account";

/// A well-formed hash that no password has: one would have to be found whose argon2id is all zeros.
pub const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
