//! Known browsers: those that an account was signed in with before.

use std::fmt;

use chrono::TimeDelta;

use super::secret::SessionSecret;

/// How long a browser stays known after its last sign-in; its cookie lasts as long.
pub const KEPT: TimeDelta = TimeDelta::days(365);

/// Browsers known of one user; the one that was longest without a sign-in makes room.
pub const MAX_PER_USER: i64 = 50;

/// What a known browser's cookie holds: 256 random bits, of which the database has the SHA-256.
///
/// It proves nothing about who is there. It only keeps failed guesses elsewhere from holding up
/// the account's owner.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceSecret(SessionSecret);

impl DeviceSecret {
    /// A new secret from the operating system's generator.
    ///
    /// # Errors
    /// The generator failed.
    pub fn generate() -> Result<Self, aws_lc_rs::error::Unspecified> {
        SessionSecret::generate().map(Self)
    }

    /// A cookie's value, if it has a secret's form.
    pub fn parse(text: &str) -> Option<Self> {
        SessionSecret::parse(text).map(Self)
    }

    /// The cookie's value.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What the database keeps.
    pub fn hash(&self) -> [u8; 32] {
        self.0.hash()
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DeviceSecret(…)")
    }
}
