//! How often somebody may be wrong.
//!
//! | counted by | from | on |
//! | --- | --- | --- |
//! | account, existing or not | the 5th failure in a row | 1 s, doubling up to 15 min |
//! | account, existing or not | the 100th failure in a row | until the password is reset |
//! | known browser, instead of the account | the 5th failure in a row | 1 s, doubling |
//! | known browser | the 10th failure in a row | the browser is not known any more |
//! | address (/32, IPv6: /64) | 20 failures within 15 min | until the first of them is 15 min old |

use std::{net::IpAddr, time::Duration};

use aws_lc_rs::digest;
use chrono::{DateTime, TimeDelta, Utc};

/// Failures in a row before the first wait.
pub const HELD_FROM: i32 = 5;

/// Failures in a row after which only a reset, or a known browser, helps (NIST SP 800-63B-4 §3.2.2).
pub const LOCKED_FROM: i32 = 100;

/// Failures in a row after which a browser is not known any more.
pub const DEVICE_VOID_FROM: i32 = 10;

/// What an account's counter is kept for after the last failure; a locked account's stays.
pub const ACCOUNT_KEPT: TimeDelta = TimeDelta::days(30);

/// Without a reset there is no moment at which a locked account opens; some clients want one.
pub const LOCKED_RETRY: Duration = Duration::from_hours(1);

/// How often an address may do something within a stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct AddressLimit {
    /// What is counted.
    pub what: &'static str,
    /// How often.
    pub limit: i32,
    /// Any stretch of time of this length holds no more.
    pub window: TimeDelta,
}

/// Failed guesses of an address.
pub const GUESSES: AddressLimit = AddressLimit {
    what: "guess",
    limit: 20,
    window: TimeDelta::minutes(15),
};

/// Accounts opened from an address, as REGISTRATIONS_PER_ADDRESS says.
pub fn registrations(limit: u64) -> AddressLimit {
    AddressLimit {
        what: "register",
        limit: i32::try_from(limit).unwrap_or(i32::MAX),
        window: TimeDelta::hours(1),
    }
}

/// What stands for an account in its counter: SHA-256 of `account:` and the address in lower case.
///
/// SQL computes the same where it starts from `users.email_key`.
pub fn account_hash(email_key: &str) -> [u8; 32] {
    sha256(&["account:", email_key])
}

/// What stands for the network of `ip` in the counter of `what`.
pub fn address_hash(what: &str, ip: &str) -> [u8; 32] {
    sha256(&[what, ":", &network(ip)])
}

/// Whom an address belongs to, as far as a counter can tell: itself, or the /64 of an IPv6 address,
/// of which every connection has one.
fn network(ip: &str) -> String {
    match ip.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(IpAddr::V4(ip)) => ip.to_string(),
        Err(_) => ip.to_owned(),
    }
}

/// How long to wait from `now` until `then`; never nothing, since that is what was asked for.
pub fn wait(now: DateTime<Utc>, then: Option<DateTime<Utc>>) -> Duration {
    let wait = then.and_then(|then| (then - now).to_std().ok());
    wait.unwrap_or_default().max(Duration::from_secs(1))
}

fn sha256(parts: &[&str]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part.as_bytes());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_and_ipv4_addresses_are_each_their_own() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("unknown", "unknown", true),
        ] {
            let hash = |ip| address_hash(GUESSES.what, ip);
            assert_eq!(hash(one) == hash(other), same, "{one} {other}");
        }
    }

    #[test]
    fn what_is_counted_apart_does_not_meet() {
        assert_ne!(
            address_hash("guess", "192.0.2.1"),
            address_hash("register", "192.0.2.1")
        );
        assert_ne!(
            account_hash("ada@example.org"),
            account_hash("ida@example.org")
        );
    }
}
