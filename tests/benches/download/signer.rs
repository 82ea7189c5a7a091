//! The shop's part: a key, and a fresh token for every request.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::{
    key_set::{KeySet, PublicKey},
    token::{DownloadToken, Header, MAX_LIFETIME_SECS, signing_input},
};
use uuid::Uuid;

use crate::stage::StoredFile;

/// Who signs, by the tokens' own words.
pub(crate) const ISSUER: &str = "http://localhost:8080";

/// A key that signs tokens.
pub(crate) struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
    /// Its public half, as the download server reads it.
    pub(crate) jwks: PathBuf,
}

impl Signer {
    /// A new key, its public half published in `folder`.
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        let pair = Ed25519KeyPair::generate()?;
        let public = PublicKey::from_bytes(pair.public_key().as_ref().try_into()?);
        let jwks = folder.join("jwks.json");
        fs::write(&jwks, KeySet::from_keys(vec![public.clone()]).to_json())?;
        Ok(Self { pair, public, jwks })
    }

    /// A token for one delivery of `file` by the server whose address is `audience`.
    pub(crate) fn token(&self, file: &StoredFile, audience: &str) -> String {
        let now = unix_secs();
        let claims = DownloadToken {
            iss: ISSUER.to_owned(),
            aud: audience.to_owned(),
            sub: Uuid::new_v4(),
            jti: Uuid::new_v4(),
            iat: now,
            exp: now + MAX_LIFETIME_SECS,
            fid: Uuid::new_v4(),
            key: file.key,
            size: file.size,
            media_type: "application/octet-stream".to_owned(),
            published_at: now,
            name: "a-file-of-the-benchmark.bin".to_owned(),
        };
        let input = signing_input(&Header::new(self.public.kid()), &claims);
        let signature = self.pair.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Reads the one key of a set, for the limit's own verification.
pub(crate) fn public_key(jwks: &Path) -> anyhow::Result<[u8; 32]> {
    let keys = KeySet::from_json(&fs::read(jwks)?)?;
    let key = keys.iter().next().context("a key set with a key")?;
    Ok(*key.bytes())
}

/// Whole seconds since 1970: the servers, outside of this process, use the system's clock.
pub(crate) fn unix_secs() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
