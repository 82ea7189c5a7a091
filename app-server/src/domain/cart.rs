//! Whose cart it is, and what it comes to.

use super::{
    ids::{SessionId, UserId},
    money::Money,
    product::Product,
};

/// Whose cart: a visitor's hangs on the session until there is a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CartOwner {
    /// Somebody who is not signed in.
    Session(SessionId),
    /// Somebody who is, in whichever browser.
    User(UserId),
}

impl CartOwner {
    /// The session, for `cart_items.session_id`.
    pub fn session(self) -> Option<SessionId> {
        match self {
            Self::Session(session) => Some(session),
            Self::User(_) => None,
        }
    }

    /// The user, for `cart_items.user_id`.
    pub fn user(self) -> Option<UserId> {
        match self {
            Self::Session(_) => None,
            Self::User(user) => Some(user),
        }
    }
}

/// What a visitor means to buy: published, and not theirs yet.
#[derive(Clone, Debug, Default)]
pub struct Cart {
    /// In the order they were added.
    pub items: Vec<Product>,
}

impl Cart {
    /// Nothing in it.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What it costs; nothing when it is empty, or when prices changed their currency meanwhile.
    pub fn total(&self) -> Option<Money> {
        Money::total(self.items.iter().map(|product| product.price)).unwrap_or(None)
    }
}
