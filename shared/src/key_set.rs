//! Public keys that verify download tokens, and the JSON they travel in.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::object::{self, StrictObject};

/// The largest JSON Web Key Set read, in bytes.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;

/// The public half of an Ed25519 key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    bytes: [u8; 32],
    kid: String,
}

impl PublicKey {
    /// The key whose encoding (RFC 8032 §5.1.2) is `x`.
    pub fn from_bytes(x: [u8; 32]) -> Self {
        // RFC 7638 §3: required members only, in lexical order, no whitespace.
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(&x));
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()));
        Self { bytes: x, kid }
    }

    /// Its name: the RFC 7638 thumbprint, 43 characters of base64url.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its encoding.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kid)
    }
}

/// The public keys whose tokens are good.
///
/// # Shape
/// `{"keys":[{"kty":"OKP","crv":"Ed25519","x":…,"kid":…,"alg":"EdDSA","use":"sig"}]}`
///
/// # Source
/// RFC 7517 §5 (key sets), RFC 8037 §2 (Ed25519 in them), RFC 7638 (thumbprints).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet(Vec<PublicKey>);

impl KeySet {
    /// A set of `keys`, each once.
    pub fn from_keys(keys: Vec<PublicKey>) -> Self {
        let mut set = Self::default();
        for key in keys {
            set.insert(key);
        }
        set
    }

    /// Reads a JSON Web Key Set; keys of other kinds in it are passed over.
    ///
    /// # Errors
    /// Any defect of an Ed25519 entry refuses the whole set: half a set would look like a
    /// retirement of the other half.
    pub fn from_json(json: &[u8]) -> Result<Self, KeySetError> {
        if json.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let document: Document = serde_json::from_slice(json)?;
        let mut set = Self::default();
        for entry in document.keys {
            let is = |member: &str, value: &str| {
                entry.get(member).and_then(Value::as_str) == Some(value)
            };
            if is("kty", "OKP") && is("crv", "Ed25519") {
                set.insert(public_key(&entry)?);
            }
        }
        Ok(set)
    }

    /// The set as a JSON Web Key Set.
    pub fn to_json(&self) -> String {
        let keys = self.iter().map(|key| PublishedKey {
            kty: "OKP",
            crv: "Ed25519",
            x: encode(key.bytes()),
            kid: key.kid(),
            alg: "EdDSA",
            usage: "sig",
        });
        serde_json::json!({ "keys": keys.collect::<Vec<_>>() }).to_string()
    }

    /// The key of that name.
    pub fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.kid() == kid)
    }

    /// True when no token can be good.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its keys, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }

    fn insert(&mut self, key: PublicKey) {
        if self.find(key.kid()).is_none() {
            self.0.push(key);
        }
    }
}

fn encode(x: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(x)
}

#[derive(Deserialize)]
#[serde(remote = "Self")]
struct Document {
    keys: Vec<serde_json::Map<String, Value>>,
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object::read(deserializer)
    }
}

impl<'de> StrictObject<'de> for Document {
    fn derived<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        Self::deserialize(members)
    }
}

#[derive(Serialize)]
struct PublishedKey<'a> {
    kty: &'static str,
    crv: &'static str,
    x: String,
    kid: &'a str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
}

fn public_key(entry: &serde_json::Map<String, Value>) -> Result<PublicKey, KeySetError> {
    if entry.contains_key("d") {
        return Err(KeySetError::Private);
    }
    let text = |member: &str| entry.get(member).and_then(Value::as_str);
    // The verifier takes a key of any length for one; only 32 bytes are.
    let bytes = text("x")
        .and_then(|x| URL_SAFE_NO_PAD.decode(x).ok())
        .and_then(|x| <[u8; 32]>::try_from(x).ok())
        .filter(|x| !has_small_order(x))
        .ok_or(KeySetError::Malformed("x"))?;
    let key = PublicKey::from_bytes(bytes);
    if text("kid") != Some(key.kid()) {
        return Err(KeySetError::Malformed("kid"));
    }
    let allowed = |member: &'static str, values: &[&str]| match entry.get(member) {
        Some(value) if !value.as_str().is_some_and(|value| values.contains(&value)) => {
            Err(KeySetError::Malformed(member))
        }
        _ => Ok(()),
    };
    allowed("alg", &["EdDSA", "Ed25519"])?;
    allowed("use", &["sig"])?;
    Ok(key)
}

/// The points of order 8, without the sign of their other coordinate.
const ORDER_8: [[u8; 32]; 2] = [
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\
       \xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\
       \x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
];

/// True for the encodings of the curve's eight points of small order: for these anybody can sign.
///
/// A key pair never has one; a file of zeros does.
///
/// # Source
/// The values that libsodium refuses (`ge25519_has_small_order`).
fn has_small_order(x: &[u8; 32]) -> bool {
    let mut y = *x;
    // The uppermost bit is the sign of the other coordinate.
    y[31] &= 0x7f;
    let [lowest, middle @ .., uppermost] = y;
    // 0 and 1; and p - 1, p and p + 1, where p = 2^255 - 19.
    let tiny = lowest <= 1 && middle == [0; 30] && uppermost == 0;
    let near_p = (0xec..=0xee).contains(&lowest) && middle == [0xff; 30] && uppermost == 0x7f;
    tiny || near_p || ORDER_8.contains(&y)
}

/// Why a document is not a key set.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// More than [`MAX_KEY_SET_BYTES`].
    #[error("the key set is larger than {MAX_KEY_SET_BYTES} bytes")]
    TooLarge,
    /// Not JSON, or not of the shape of a key set.
    #[error("the key set is not a JSON Web Key Set")]
    Json(#[from] serde_json::Error),
    /// An Ed25519 entry with a member that is missing or wrong.
    #[error("a key has a wrong or missing \"{0}\"")]
    Malformed(&'static str),
    /// An entry with a private half, which must never be published.
    #[error("a key carries its private half")]
    Private,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    /// RFC 8037 appendix A.2 and A.3.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

    fn key() -> PublicKey {
        PublicKey::from_bytes(URL_SAFE_NO_PAD.decode(X).unwrap().try_into().unwrap())
    }

    fn set_with(entry: &str) -> Result<KeySet, KeySetError> {
        KeySet::from_json(format!(r#"{{"keys":[{entry}]}}"#).as_bytes())
    }

    #[test]
    fn a_key_is_named_by_its_thumbprint() {
        assert_eq!(key().kid(), THUMBPRINT);
    }

    #[test]
    fn a_set_survives_its_own_json_and_publishes_no_private_half() {
        let set = KeySet::from_keys(vec![key(), key(), PublicKey::from_bytes([7; 32])]);
        let json = set.to_json();

        assert_eq!(KeySet::from_json(json.as_bytes()).unwrap(), set);
        assert_eq!(set.iter().count(), 2);
        assert!(!json.contains("\"d\""));
        assert_eq!(set.find(THUMBPRINT), Some(&key()));
        assert_eq!(set.find("other"), None);
    }

    #[test]
    fn a_key_of_small_order_refuses_the_whole_set() {
        let bytes = |lowest: u8, middle: u8, uppermost: u8| {
            let mut y = [middle; 32];
            (y[0], y[31]) = (lowest, uppermost);
            y
        };
        let refuses = |y| {
            let json = KeySet::from_keys(vec![key(), PublicKey::from_bytes(y)]).to_json();
            KeySet::from_json(json.as_bytes()).is_err()
        };
        for sign in [0, 0x80] {
            for lowest in [0, 1] {
                assert!(refuses(bytes(lowest, 0, sign)), "{lowest}");
            }
            for lowest in [0xec, 0xed, 0xee] {
                assert!(refuses(bytes(lowest, 0xff, 0x7f | sign)), "{lowest}");
            }
            for mut y in ORDER_8 {
                y[31] |= sign;
                assert!(refuses(y), "{y:?}");
            }
            assert!(!refuses(bytes(2, 0, sign)));
            assert!(!refuses(bytes(0xeb, 0xff, 0x7f | sign)));
        }
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let set = set_with(r#"{"kty":"EC","crv":"P-256"},{"kty":"OKP","crv":"X25519","x":"AA"}"#);
        assert!(set.unwrap().is_empty());
    }

    #[test]
    fn a_defect_refuses_the_whole_set() {
        for entry in [
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"{THUMBPRINT}"}}"#),
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}","kid":"other"}}"#),
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}"}}"#),
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}=","kid":"{THUMBPRINT}"}}"#),
            format!(
                r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}","kid":"{THUMBPRINT}","alg":"HS256"}}"#
            ),
            format!(
                r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}","kid":"{THUMBPRINT}","use":"enc"}}"#
            ),
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}","kid":"{THUMBPRINT}","d":"x"}}"#),
        ] {
            assert!(set_with(&entry).is_err(), "{entry}");
        }
        for json in [
            "",
            "[]",
            "[[]]",
            "{}",
            r#"{"keys":{}}"#,
            r#"{"keys":[1]}"#,
            r#"{"keys":[],"keys":[]}"#,
        ] {
            assert!(KeySet::from_json(json.as_bytes()).is_err(), "{json}");
        }
        let large = format!(r#"{{"keys":[]{}}}"#, " ".repeat(MAX_KEY_SET_BYTES));
        assert!(matches!(
            KeySet::from_json(large.as_bytes()),
            Err(KeySetError::TooLarge)
        ));
    }
}
