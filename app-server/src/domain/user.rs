//! People with accounts.

use super::ids::UserId;

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// The address, as typed.
    pub email: String,
    /// What the shop calls them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Signing in takes a code too.
    pub second_factor: bool,
}

impl User {
    /// An admin who has not set up a second factor may do nothing else.
    pub fn must_enrol(&self) -> bool {
        self.role == Role::Admin && !self.second_factor
    }
}

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Buy and download.
    Buyer,
    /// Also publish, refund and see what sold.
    Admin,
}

impl Role {
    /// Its name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Admin => "admin",
        }
    }

    /// The role of this name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "buyer" => Some(Self::Buyer),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// The longest name an account may have, in characters.
pub const MAX_NAME_CHARS: usize = 100;

/// A name as it will be shown: trimmed, 1 to 100 characters, no control characters.
pub fn parse_name(text: &str) -> Option<&str> {
    let name = text.trim();
    let length = name.chars().count();
    let sound = (1..=MAX_NAME_CHARS).contains(&length) && !name.chars().any(char::is_control);
    sound.then_some(name)
}
