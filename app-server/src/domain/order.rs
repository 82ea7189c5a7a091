//! Checkouts and their payment.

use chrono::{DateTime, Utc};

use super::{ids::OrderId, money::Money, product::Product};

/// One checkout.
#[derive(Clone, Debug)]
pub struct Order {
    /// Which.
    pub id: OrderId,
    /// What became of it.
    pub status: OrderStatus,
    /// The sum of its items, as they were priced then.
    pub total: Money,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
    /// When it was paid; free ones at once.
    pub paid_at: Option<DateTime<Utc>>,
}

/// One product of an order.
#[derive(Clone, Debug)]
pub struct OrderItem {
    /// As it is today.
    pub product: Product,
    /// What it was called then.
    pub title: String,
    /// What it cost then.
    pub price: Money,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// Not paid yet.
    Pending,
    /// Paid: its products are in the library.
    Paid,
    /// Paid and paid back: they no longer are.
    Refunded,
    /// Never paid, and never will be.
    Cancelled,
}

impl OrderStatus {
    /// Its name in the database, in JSON and in style sheets.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Refunded => "refunded",
            Self::Cancelled => "cancelled",
        }
    }

    /// As a person reads it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pending => "Waiting for payment",
            Self::Paid => "Paid",
            Self::Refunded => "Refunded",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The status of this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Paid, Self::Refunded, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// What a client names a checkout by, so that asking twice makes one order.
///
/// 1 to 200 visible ASCII characters, of the client's choosing; each user's are their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// A key, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let sound =
            (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        sound.then(|| Self(text.to_owned()))
    }

    /// As it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_keeps_its_name() {
        for name in ["pending", "paid", "refunded", "cancelled"] {
            assert_eq!(
                OrderStatus::parse(name).map(OrderStatus::as_str),
                Some(name)
            );
        }
        assert_eq!(OrderStatus::parse("PAID"), None);
    }

    #[test]
    fn idempotency_keys_are_visible_ascii() {
        for good in [
            "a",
            "8e03978e-40d5-43dd-bc93-6894a57f9324",
            &"~".repeat(200),
        ] {
            assert!(IdempotencyKey::parse(good).is_some(), "{good:?}");
        }
        for bad in ["", " ", "a b", "ä", "\0", &"x".repeat(201)] {
            assert!(IdempotencyKey::parse(bad).is_none(), "{bad:?}");
        }
    }
}
