//! The download token: what the app-server signs and the download-server verifies.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::{Uuid, Variant, Version};

use crate::{
    file_store::StorageKey,
    object::{self, StrictObject},
    text::Parsed,
};

/// The longest encoded token: a cookie's Path holds 1,024 bytes in Chromium and Firefox.
pub const MAX_TOKEN_BYTES: usize = 1_000;

/// The longest `exp - iat`.
pub const MAX_LIFETIME_SECS: i64 = 300;

/// The one value of the header's `alg`.
pub const ALGORITHM: &str = "EdDSA";

/// The one value of the header's `typ` (RFC 8725 §3.11).
pub const TYPE: &str = "download+jwt";

/// Characters of an encoded Ed25519 signature: 64 bytes in base64url.
const SIGNATURE_CHARS: usize = 86;

/// An extension longer than this is cut like the rest of a name.
const MAX_EXTENSION_BYTES: usize = 16;

/// The header of a token: these three members and no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Header {
    /// [`ALGORITHM`].
    pub alg: String,
    /// [`TYPE`].
    pub typ: String,
    /// Name of the key that signed.
    pub kid: String,
}

impl Header {
    /// The header of a token signed by the key `kid`.
    pub fn new(kid: &str) -> Self {
        Self {
            alg: ALGORITHM.to_owned(),
            typ: TYPE.to_owned(),
            kid: kid.to_owned(),
        }
    }
}

/// Permission to start one delivery of one file, until a moment in time.
///
/// # Shape
/// Compact JWS: header [`Header`], payload an object of these claims. Reading refuses a member
/// that appears twice and `nbf`, and ignores claims it does not know, so that the app-server can
/// be newer than a download-server.
///
/// # Units
/// `iat`, `exp`, `mod`: whole seconds since 1970-01-01T00:00:00Z. `size`: bytes.
/// Encoded, at most [`MAX_TOKEN_BYTES`].
///
/// # Source
/// RFC 7519 §4.1; RFC 8725 §3.9 (audience), §3.11 (explicit typing).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct DownloadToken {
    /// Who signed: the address of the shop.
    pub iss: String,
    /// Address of the one download-server process it is for.
    pub aud: String,
    /// The purchase it comes from.
    #[serde(deserialize_with = "canonical_uuid")]
    pub sub: Uuid,
    /// What "once" counts; random.
    #[serde(deserialize_with = "random_uuid")]
    pub jti: Uuid,
    /// When it was signed.
    pub iat: i64,
    /// When it ends; at that second it has.
    pub exp: i64,
    /// The file's version.
    #[serde(deserialize_with = "canonical_uuid")]
    pub fid: Uuid,
    /// SHA-256 of the content.
    pub key: StorageKey,
    /// Length of the content.
    pub size: u64,
    /// Media type of the content.
    #[serde(rename = "type")]
    pub media_type: String,
    /// When the version was published.
    #[serde(rename = "mod")]
    pub published_at: i64,
    /// Name to save it under.
    pub name: String,
}

impl DownloadToken {
    /// The token with `name` cut so that, signed by the key `kid`, it fits [`MAX_TOKEN_BYTES`].
    ///
    /// Cut at a character boundary, before the extension, which stays.
    ///
    /// # Errors
    /// When not even the extension fits behind one character: the addresses in it are too long.
    pub fn fitted(mut self, kid: &str) -> Result<Self, TokenTooLong> {
        let header = Header::new(kid);
        let (stem, extension) = split_extension(&self.name);
        let (mut stem, extension) = (stem.to_owned(), extension.to_owned());
        while signing_input(&header, &self).len() + 1 + SIGNATURE_CHARS > MAX_TOKEN_BYTES {
            stem.pop();
            if stem.is_empty() {
                return Err(TokenTooLong);
            }
            self.name = format!("{}{extension}", stem.trim_end());
        }
        Ok(self)
    }
}

/// The name without and the extension with its dot.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= MAX_EXTENSION_BYTES => name.split_at(at),
        _ => (name, ""),
    }
}

/// What is signed: both parts in base64url, a dot between them.
pub fn signing_input(header: &Header, claims: &DownloadToken) -> String {
    format!("{}.{}", encode(header), encode(claims))
}

#[expect(
    clippy::expect_used,
    reason = "strings and integers always have a JSON form"
)]
fn encode(part: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).expect("plain values serialize"))
}

/// A token does not fit its limit, however short its file's name.
#[derive(Debug, thiserror::Error)]
#[error("the token would be longer than {MAX_TOKEN_BYTES} bytes")]
pub struct TokenTooLong;

// `remote = "Self"` above makes serde's code an associated function, so that reading can go
// through `object`, which sees every member's name.
impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object::read(deserializer)
    }
}

impl<'de> StrictObject<'de> for Header {
    fn derived<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        Self::deserialize(members)
    }
}

impl Serialize for DownloadToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for DownloadToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object::read(deserializer)
    }
}

impl<'de> StrictObject<'de> for DownloadToken {
    /// A token that is not good yet would have to wait for a clock; ours are good at once.
    const FORBIDDEN: &'static [&'static str] = &["nbf"];

    fn derived<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        Self::deserialize(members)
    }
}

/// Hyphenated and in lower case, the one form that equal identifiers share.
fn canonical_uuid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    deserializer.deserialize_str(Parsed(
        |text: &str| {
            let uuid = Uuid::try_parse(text).ok()?;
            let mut buffer = Uuid::encode_buffer();
            let canonical = uuid.as_hyphenated().encode_lower(&mut buffer);
            (*canonical == *text).then_some(uuid)
        },
        "a UUID, hyphenated and in lower case",
    ))
}

fn random_uuid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    let uuid = canonical_uuid(deserializer)?;
    let random =
        uuid.get_version() == Some(Version::Random) && uuid.get_variant() == Variant::RFC4122;
    random
        .then_some(uuid)
        .ok_or_else(|| de::Error::custom("a UUID that is not version 4"))
}

#[cfg(test)]
mod tests;
