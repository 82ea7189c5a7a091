//! Identifiers: one type for each table, so that they cannot be mixed up.

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
};

use chrono::{DateTime, Utc};
use uuid::{Builder, NoContext, Timestamp, Uuid};

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
    /// A row of `mails`.
    MailId
);

/// A row of `audit_events`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl EventId {
    /// A new identifier: in the order of time, and of one instant in the order of asking.
    ///
    /// RFC 9562 §5.7, version 7: milliseconds, then microseconds within, a counter of this process,
    /// 24 random bits.
    pub fn generate(now: DateTime<Utc>) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let micros = u16::try_from(now.timestamp_subsec_micros() % 1_000).unwrap_or_default();
        let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
        let mut tail = [0; 10];
        let (micros_at, rest) = tail.split_at_mut(2);
        let (counter_at, random_at) = rest.split_at_mut(5);
        micros_at.copy_from_slice(&micros.to_be_bytes());
        // The first byte of the rest loses two bits to the variant.
        counter_at.copy_from_slice(&u64::from(counter).to_be_bytes()[3..]);
        random_at.copy_from_slice(&Uuid::new_v4().into_bytes()[13..]);
        Self(with_tail(now, tail))
    }

    /// The first that an event at `at` may have: lists are cut by time with it.
    pub fn first_at(at: DateTime<Utc>) -> Self {
        Self(with_tail(at, [0; 10]))
    }
}

impl MailId {
    /// The first that a letter written at `at` may have.
    pub fn first_at(at: DateTime<Utc>) -> Self {
        Self(with_tail(at, [0; 10]))
    }
}

fn with_tail(at: DateTime<Utc>, tail: [u8; 10]) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

fn time_ordered(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        seconds,
        now.timestamp_subsec_nanos(),
    ))
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn events_of_one_instant_keep_the_order_in_which_they_were_written() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::microseconds(999_999);
        let ids: Vec<_> = (0..1_000).map(|_| EventId::generate(now)).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert!(ids.iter().all(|id| *id >= EventId::first_at(now)));
        let later = now + TimeDelta::microseconds(1);
        assert!(ids.iter().all(|id| *id < EventId::generate(later)));
        assert!(ids.iter().all(|id| id.0.get_version_num() == 7));
    }
}
