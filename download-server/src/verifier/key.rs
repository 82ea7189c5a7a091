//! A key that signatures are checked with.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

use super::{SIGNATURE_BYTES, prepared_key::PreparedKey};

/// One of the shop's public keys.
pub(crate) enum VerifyingKey {
    /// Checks with a table of its own.
    Prepared(PreparedKey),
    /// Leaves it to the library, which needs no table and takes twice as long.
    Plain(DecodingKey),
}

impl VerifyingKey {
    /// The key whose encoding is `encoded`, prepared.
    pub(crate) fn prepared(encoded: &[u8; 32]) -> Self {
        // What is no point is left to the library, for which such a key has signed nothing.
        PreparedKey::new(encoded).map_or_else(|| Self::plain(encoded), Self::Prepared)
    }

    /// The same, not prepared.
    pub(crate) fn plain(encoded: &[u8]) -> Self {
        Self::Plain(DecodingKey::from_ed_der(encoded))
    }

    pub(crate) fn is_prepared(&self) -> bool {
        matches!(self, Self::Prepared(_))
    }

    /// Whether `signature` is this key's of `message`; a key that is none has signed nothing.
    ///
    /// # Source
    /// RFC 8032 §5.1.7, RFC 8037 §3.1.
    pub(crate) async fn has_signed(
        &self,
        message: &[u8],
        signature: &[u8; SIGNATURE_BYTES],
    ) -> bool {
        match self {
            Self::Prepared(key) => key.has_signed(message, signature).await,
            Self::Plain(key) => {
                let signature = URL_SAFE_NO_PAD.encode(signature);
                crypto::verify(&signature, message, key, Algorithm::EdDSA).unwrap_or(false)
            }
        }
    }
}
