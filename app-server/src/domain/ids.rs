//! Identifiers: one type for each table, so that they cannot be mixed up.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::{NoContext, Timestamp, Uuid};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier, ordered by time (RFC 9562 §5.7, version 7).
            pub fn generate(now: DateTime<Utc>) -> Self {
                Self(time_ordered(now))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A row of `users`.
    UserId
);
id!(
    /// A row of `sessions`; public, unlike the secret that a cookie holds.
    SessionId
);
id!(
    /// A row of `products`.
    ProductId
);
id!(
    /// A row of `files`: one immutable version of a file.
    FileId
);
id!(
    /// A row of `orders`.
    OrderId
);
id!(
    /// A row of `purchases`: the lasting right of one user to one product.
    PurchaseId
);

id!(
    /// A row of `audit_events`.
    EventId
);
id!(
    /// A row of `mails`.
    MailId
);

impl EventId {
    /// The first that an event at `at` may have: lists are cut by time with it.
    pub fn first_at(at: DateTime<Utc>) -> Self {
        Self(first_at(at))
    }
}

impl MailId {
    /// The first that a letter written at `at` may have.
    pub fn first_at(at: DateTime<Utc>) -> Self {
        Self(first_at(at))
    }
}

fn first_at(at: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

fn time_ordered(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        seconds,
        now.timestamp_subsec_nanos(),
    ))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_first_identifier_of_a_moment_comes_before_all_others_of_it() {
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        for _ in 0..100 {
            assert!(EventId::first_at(at) <= EventId::generate(at));
            assert!(EventId::first_at(at) > EventId::generate(at - TimeDelta::milliseconds(1)));
        }
    }
}
