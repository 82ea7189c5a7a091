//! Session secrets: what a cookie holds, and what the database knows of it.

use aws_lc_rs::{constant_time, digest, hmac, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// A session's secret, 256 random bits as 43 characters of base64url: the cookie's value.
///
/// It has no `Debug` and no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionSecret(String);

impl SessionSecret {
    /// A new secret from the operating system's generator.
    ///
    /// # Errors
    /// The generator failed, which no machine that runs survives by guessing.
    pub fn generate() -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// A cookie's value, if it has a secret's form.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| Self(text.to_owned()))
    }

    /// The cookie's value.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the value: what the database keeps.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref());
        hash
    }

    /// The CSRF token of a visitor without a row: HMAC-SHA-256(cookie value, "csrf").
    pub fn csrf_token(&self) -> String {
        csrf_token(self.0.as_bytes())
    }
}

/// A secret made like a session's, of a type of its own: neither is ever taken for the other.
///
/// It has no `Serialize`, and no `Debug` that tells.
macro_rules! secret_like_a_sessions {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name($crate::domain::secret::SessionSecret);

        impl $name {
            /// A new secret from the operating system's generator.
            ///
            /// # Errors
            /// The generator failed.
            pub fn generate() -> Result<Self, aws_lc_rs::error::Unspecified> {
                $crate::domain::secret::SessionSecret::generate().map(Self)
            }

            /// What was sent, if it has a secret's form.
            pub fn parse(text: &str) -> Option<Self> {
                $crate::domain::secret::SessionSecret::parse(text).map(Self)
            }

            /// What is sent: 43 characters of base64url.
            pub fn expose(&self) -> &str {
                self.0.expose()
            }

            /// SHA-256 of it: what the database keeps.
            pub fn hash(&self) -> [u8; 32] {
                self.0.hash()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}
pub(super) use secret_like_a_sessions;

secret_like_a_sessions! {
    /// The end of the address of a link in a letter, 256 random bits.
    LinkSecret
}

/// The CSRF token of a visitor whose browser holds no cookie yet.
///
/// Known to everybody, so it is taken only where [`crate::http`] takes it: for signing in and
/// registering, by a request that its Fetch Metadata or Origin has proved to come from our page.
pub fn csrf_token_without_cookie() -> String {
    csrf_token(b"")
}

fn csrf_token(key: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"csrf"))
}

/// Compares two secrets in constant time.
pub fn same(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_secret_survives_the_cookie_and_nothing_else_is_one() {
        let secret = SessionSecret::generate().unwrap();
        assert!(SessionSecret::parse(secret.expose()).unwrap() == secret);
        for text in [
            "",
            "short",
            &"=".repeat(43),
            &"A".repeat(44),
            &format!("{}\n", secret.expose()),
        ] {
            assert!(SessionSecret::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn tokens_of_two_secrets_differ_and_do_not_reveal_them() {
        let (one, other) = (
            SessionSecret::generate().unwrap(),
            SessionSecret::generate().unwrap(),
        );
        assert!(!same(&one.csrf_token(), &other.csrf_token()));
        assert!(same(&one.csrf_token(), &one.csrf_token()));
        assert!(!one.csrf_token().contains(one.expose()));
    }

    #[test]
    fn a_hundred_thousand_secrets_are_all_different() {
        let secrets: std::collections::HashSet<String> = (0..100_000)
            .map(|_| SessionSecret::generate().unwrap().expose().to_owned())
            .collect();
        assert_eq!(secrets.len(), 100_000);
        // 32 bytes each, and no bit that is always the same.
        let (mut ones, mut zeros) = ([0_u8; 32], [0xff_u8; 32]);
        for secret in &secrets {
            let bytes = URL_SAFE_NO_PAD.decode(secret).unwrap();
            assert_eq!(bytes.len(), 32);
            for ((one, zero), byte) in ones.iter_mut().zip(&mut zeros).zip(&bytes) {
                *one |= byte;
                *zero &= byte;
            }
        }
        assert_eq!((ones, zeros), ([0xff; 32], [0; 32]));
    }
}
