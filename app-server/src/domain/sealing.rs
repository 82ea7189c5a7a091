//! Sealing what the database keeps and nobody who reads it may know.
//!
//! AES-256-GCM under keys that are not in the database. What is sealed is bound to one user and
//! one purpose: moved to another row it does not open.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    error::Unspecified,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::zeroize::Zeroizing;

use super::ids::UserId;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// Longer names of keys are slips.
const MAX_ID_CHARS: usize = 32;

/// The name of a key that is given without one.
const BARE_ID: &str = "1";

/// The keys of SECRETS_KEY: the first seals, every one opens.
#[derive(Clone)]
pub struct Keyring(Arc<Vec<(String, RandomizedNonceKey)>>);

/// What a secret is for: part of what it is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The secret shared with an authenticator app.
    Totp,
}

/// A secret as the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The name of the key.
    pub key_id: String,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// Why something does not open.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It was sealed under a key that is not among these.
    #[error("sealed under the key {0:?}, which SECRETS_KEY does not hold")]
    UnknownKey(String),
    /// It was changed, moved from another row, or sealed under another key of the same name.
    #[error("sealed under another key of that name, or tampered with")]
    Broken,
}

impl Keyring {
    /// The keys in `text`: 32 bytes in base64, or `id:key` pairs separated by commas.
    ///
    /// # Errors
    /// One sentence for each mistake; none repeats a key.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let (mut keys, mut mistakes) = (Vec::new(), Vec::new());
        let mut names = Vec::new();
        let parts = text.split(',').map(str::trim);
        for (index, part) in parts.filter(|part| !part.is_empty()).enumerate() {
            let (id, key) = part.split_once(':').unwrap_or((BARE_ID, part));
            let (id, place) = (id.trim(), index + 1);
            if !is_id(id) {
                mistakes.push(format!(
                    "the name of key {place}: expected 1 to {MAX_ID_CHARS} letters, digits, '.', '_' or '-'"
                ));
            } else if names.contains(&id) {
                mistakes.push(format!("two keys are named {id:?}"));
            }
            names.push(id);
            match parse_key(key.trim()) {
                Some(key) => keys.push((id.to_owned(), key)),
                None => mistakes.push(format!(
                    "key {place}: expected {KEY_BYTES} bytes in base64, as `head -c {KEY_BYTES} /dev/urandom | base64` makes them"
                )),
            }
        }
        if keys.is_empty() && mistakes.is_empty() {
            mistakes.push("no key".to_owned());
        }
        if mistakes.is_empty() {
            Ok(Self(Arc::new(keys)))
        } else {
            Err(mistakes)
        }
    }

    /// Seals `secret` under the first key, with a random nonce.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn seal(
        &self,
        purpose: Purpose,
        user: UserId,
        secret: &[u8],
    ) -> Result<Sealed, Unspecified> {
        let (id, key) = self.0.first().ok_or(Unspecified)?;
        let mut sealed = Zeroizing::new(secret.to_vec());
        let aad = Aad::from(bound_to(purpose, user));
        let nonce = key.seal_in_place_append_tag(aad, &mut *sealed)?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(Sealed {
            key_id: id.clone(),
            bytes,
        })
    }

    /// What was sealed for this purpose and user.
    ///
    /// # Errors
    /// [`Unopened::UnknownKey`]; [`Unopened::Broken`] for every other defect.
    pub fn open(
        &self,
        purpose: Purpose,
        user: UserId,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let named = |(id, _): &&(String, RandomizedNonceKey)| *id == sealed.key_id;
        let Some((_, key)) = self.0.iter().find(named) else {
            return Err(Unopened::UnknownKey(sealed.key_id.clone()));
        };
        let (nonce, ciphertext) = sealed
            .bytes
            .split_at_checked(NONCE_LEN)
            .ok_or(Unopened::Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopened::Broken)?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let aad = Aad::from(bound_to(purpose, user));
        let opened = key.open_in_place(nonce, aad, &mut buffer);
        let n_bytes = opened.map_err(|_| Unopened::Broken)?.len();
        buffer.truncate(n_bytes);
        Ok(buffer)
    }

    /// True when `sealed` would be sealed under another key today.
    pub fn is_outdated(&self, sealed: &Sealed) -> bool {
        self.newest() != sealed.key_id
    }

    /// The name of the key that seals.
    pub fn newest(&self) -> &str {
        self.0.first().map_or("", |(id, _)| id)
    }

    /// True when a key has this name.
    pub fn holds(&self, key_id: &str) -> bool {
        self.0.iter().any(|(id, _)| id == key_id)
    }
}

impl fmt::Debug for Keyring {
    /// The names; never the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.iter().map(|(id, _)| id))
            .finish()
    }
}

/// The associated data: it must be the same when the secret is opened.
fn bound_to(purpose: Purpose, user: UserId) -> Vec<u8> {
    let purpose: &[u8] = match purpose {
        Purpose::Totp => b"claimcheck totp secret of user ",
    };
    [purpose, user.0.as_bytes()].concat()
}

fn is_id(id: &str) -> bool {
    (1..=MAX_ID_CHARS).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn parse_key(text: &str) -> Option<RandomizedNonceKey> {
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    if bytes.len() != KEY_BYTES {
        return None;
    }
    RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok()
}

#[cfg(test)]
mod tests;
