//! Leases: the right of the browser that claimed a token to finish that delivery.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::config::LeaseKey;

/// From the claim to the deadline.
pub(crate) const LEASE_SECS: i64 = 24 * 60 * 60;

/// How many cookies of one name are looked at; a browser sends one.
const MAX_COOKIES: usize = 8;

/// Makes and checks lease cookies.
///
/// # Shape
/// `jti.deadline.mac`: hyphenated UUID, whole seconds since 1970, and the HMAC-SHA-256 in base64url
/// of `lease jti.deadline audience`.
#[derive(Debug)]
pub(crate) struct Leases {
    key: LeaseKey,
    audience: String,
}

impl Leases {
    pub(crate) fn new(key: LeaseKey, audience: &str) -> Self {
        Self {
            key,
            audience: audience.to_owned(),
        }
    }

    /// The value of the cookie that lets its bearer continue the delivery `jti` until `deadline`.
    pub(crate) fn issue(&self, jti: Uuid, deadline: i64) -> String {
        let mac = hmac::sign(&self.key.0, self.message(jti, deadline).as_bytes());
        format!("{jti}.{deadline}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// The deadline of a lease of `jti`, in a cookie called `name` in the `Cookie` header's `values`.
    ///
    /// Of several good ones the first; none when no lease is good at `now`.
    pub(crate) fn find_deadline<'a>(
        &self,
        values: impl Iterator<Item = &'a str>,
        name: &str,
        jti: Uuid,
        now: i64,
    ) -> Option<i64> {
        values
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(cookie, _)| *cookie == name)
            .take(MAX_COOKIES)
            .find_map(|(_, lease)| self.good_until(lease, jti, now))
    }

    fn good_until(&self, lease: &str, jti: Uuid, now: i64) -> Option<i64> {
        let (of, rest) = lease.split_once('.')?;
        let (deadline, mac) = rest.split_once('.')?;
        // In the one form in which it was issued: not `+100`, not `0100`.
        let deadline = deadline
            .parse()
            .ok()
            .filter(|secs: &i64| secs.to_string() == deadline)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let message = self.message(jti, deadline);
        // The message is made of the token's jti, so `of` only spares a useless computation.
        let is_good = of == jti.as_hyphenated().to_string()
            && now < deadline
            && hmac::verify(&self.key.0, message.as_bytes(), &mac).is_ok();
        is_good.then_some(deadline)
    }

    fn message(&self, jti: Uuid, deadline: i64) -> String {
        format!("lease {jti}.{deadline} {}", self.audience)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::*;

    const JTI: Uuid = Uuid::from_u128(0x7f5b_2c1e_9d3a_4b6f_8a21_0c4d_5e6f_7a8b);
    const OTHER: Uuid = Uuid::from_u128(0x7f5b_2c1e_9d3a_4b6f_8a21_0c4d_5e6f_7a8c);

    fn leases() -> Leases {
        Leases::new(LeaseKey::from_bytes(&[7; 32]), "http://files.example")
    }

    fn covers(leases: &Leases, header: &str, jti: Uuid, now: i64) -> bool {
        let deadline = leases.find_deadline([header].into_iter(), "lease", jti, now);
        assert!(deadline.is_none_or(|deadline| deadline == 100));
        deadline.is_some()
    }

    #[test]
    fn a_lease_opens_its_token_until_its_deadline() {
        let leases = leases();
        let header = format!("a=b; lease={}; c", leases.issue(JTI, 100));

        assert!(covers(&leases, &header, JTI, 99));
        assert!(
            !covers(&leases, &header, JTI, 100),
            "at its deadline it has ended"
        );
        assert!(!covers(&leases, &header, OTHER, 99));
    }

    #[test]
    fn a_lease_that_was_changed_opens_nothing() {
        let leases = leases();
        let lease = leases.issue(JTI, 100);
        for forged in [
            lease.replace(".100.", ".200."),
            lease.replace(".100.", ".+100."),
            lease.replace(".100.", ".0100."),
            lease.replace(&JTI.to_string(), &OTHER.to_string()),
            format!("{JTI}.100."),
            format!("{JTI}.100"),
            leases.issue(JTI, 100).to_uppercase(),
        ] {
            for jti in [JTI, OTHER] {
                assert!(
                    !covers(&leases, &format!("lease={forged}"), jti, 99),
                    "{forged}"
                );
            }
        }
    }

    #[test]
    fn a_lease_is_good_at_one_server_with_one_key() {
        let lease = leases().issue(JTI, 100);
        let other_key = Leases::new(LeaseKey::random().unwrap(), "http://files.example");
        let other_server = Leases::new(LeaseKey::from_bytes(&[7; 32]), "http://two.example");
        for leases in [other_key, other_server] {
            assert!(!covers(&leases, &format!("lease={lease}"), JTI, 99));
        }
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        let parse = |text: &str| LeaseKey::parse(&SecretString::from(text.to_owned())).is_some();
        assert!(parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
        assert!(parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        assert!(!parse("AAAA"));
        assert!(!parse("not base64"));
    }

    proptest! {
        #[test]
        fn no_header_panics_or_opens_anything(header in any::<String>()) {
            for header in [header.clone(), format!("lease={header}"), format!("lease={JTI}.{header}")] {
                prop_assert!(!covers(&leases(), &header, JTI, 0));
            }
        }
    }
}
