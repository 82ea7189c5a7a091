//! One signing key, and the text it is kept in.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use chrono::{DateTime, SecondsFormat, Utc};
use jsonwebtoken::{Algorithm, EncodingKey};
use pem::Pem;
use secrecy::zeroize::Zeroizing;
use shared::key_set::PublicKey;

/// The private half of an Ed25519 key, and when it was made.
#[derive(Clone)]
pub struct SigningKey {
    /// The half that anybody may know.
    pub public: PublicKey,
    /// When it was made; 1970-01-01 where its file does not say.
    pub created_at: DateTime<Utc>,
    private: EncodingKey,
}

/// RFC 7468 §10: PKCS#8, not encrypted.
const LABEL: &str = "PRIVATE KEY";

/// Stands before the moment a key was made, in the lines above the key itself.
const CREATED: &str = "Created: ";

impl SigningKey {
    /// A new key, and the text to keep it in.
    ///
    /// # Shape
    /// Two lines for people, the second `Created: ` and the moment (RFC 3339), then PEM.
    /// RFC 7468 §2 lets text stand before the first boundary, so `openssl pkey` reads it too.
    pub fn generate(now: DateTime<Utc>) -> Result<(Self, Zeroizing<String>), KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Generator)?;
        // Version 1, without the public half: OpenSSL knows no other.
        let der = pair.to_pkcs8v1().map_err(|_| KeyError::Generator)?;
        let pem = Zeroizing::new(pem::encode(&Pem::new(LABEL, der.as_ref())));
        let created = now.to_rfc3339_opts(SecondsFormat::Micros, true);
        let text = format!(
            "Signs Claimcheck's download tokens: keep it secret.\n{CREATED}{created}\n{}",
            pem.as_str()
        );
        Ok((Self::from_pkcs8(der.as_ref(), now)?, Zeroizing::new(text)))
    }

    /// Reads what [`SigningKey::generate`] wrote, or any Ed25519 key in PKCS#8 PEM.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let head = text.split("-----BEGIN").next().unwrap_or_default();
        let created_at = match head.lines().find_map(|line| line.strip_prefix(CREATED)) {
            Some(moment) => moment.trim().parse().map_err(|_| KeyError::Created)?,
            None => DateTime::UNIX_EPOCH,
        };
        let pem = pem::parse(text).map_err(|_| KeyError::Pem)?;
        if pem.tag() != LABEL {
            return Err(KeyError::Pem);
        }
        let der = Zeroizing::new(pem.into_contents());
        Self::from_pkcs8(&der, created_at)
    }

    fn from_pkcs8(der: &[u8], created_at: DateTime<Utc>) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::Pem)?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| KeyError::Pem)?;
        Ok(Self {
            public: PublicKey::from_bytes(public),
            created_at,
            private: EncodingKey::from_ed_der(der),
        })
    }

    /// The key's name: its RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// The signature of `message`, in base64url.
    pub fn sign(&self, message: &str) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, Algorithm::EdDSA)
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The operating system has no random numbers.
    #[error("no key could be generated")]
    Generator,
    /// Something else, or another kind of key.
    #[error("is not an Ed25519 private key in PKCS#8 PEM")]
    Pem,
    /// Its date is none.
    #[error("has a line \"Created:\" without a date like 2026-01-31T12:00:00Z")]
    Created,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    /// RFC 8410 §10.3; its public half is published there too.
    const FROM_THE_RFC: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_survives_its_own_text() {
        let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::microseconds(1_234_567);
        let (key, text) = SigningKey::generate(now).unwrap();
        let read = SigningKey::parse(&text).unwrap();

        assert_eq!((read.kid(), read.created_at), (key.kid(), now));
        assert_eq!(read.sign("x").unwrap(), key.sign("x").unwrap());
    }

    #[test]
    fn a_key_made_elsewhere_is_read_and_counts_as_old() {
        let key = SigningKey::parse(FROM_THE_RFC).unwrap();
        assert_eq!(key.created_at, DateTime::UNIX_EPOCH);
        assert_eq!(key.public.bytes()[..4], [0x19, 0xbf, 0x44, 0x09]);
    }

    #[test]
    fn what_is_no_such_key_is_refused() {
        for text in [
            String::new(),
            FROM_THE_RFC.replace("PRIVATE", "PUBLIC"),
            FROM_THE_RFC.replace("MC4C", "MC4D"),
            FROM_THE_RFC
                .replace("BlwBC", "BlbBC")
                .replace("K2VwBC", "K2VuBC"),
            format!("Created: yesterday\n{FROM_THE_RFC}"),
        ] {
            assert!(SigningKey::parse(&text).is_err(), "{text}");
        }
    }
}
