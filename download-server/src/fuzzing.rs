//! What the fuzz targets reach. Compiled only under `cfg(fuzzing)`, which cargo-fuzz sets.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::http::{Method, header::HeaderMap};
use shared::token::DownloadToken;
use uuid::Uuid;

use crate::{
    conditions::{self, Due, Validators},
    config::LeaseKey,
    lease,
    verifier::{NotOurs, UnverifiedToken, batch::finish, key::VerifyingKey},
};

/// The claims of `text` when the key whose encoding is `x` signed it for `issuer` and `audience`.
///
/// # Panics
/// When the key says something else prepared than it does plain.
pub fn verify(text: &str, x: &[u8; 32], issuer: &str, audience: &str) -> Option<DownloadToken> {
    let token = UnverifiedToken::parse(text).ok()?;
    let verify = |key: &VerifyingKey| finish(token.verify(key, issuer, audience)).ok();
    let claims = verify(&VerifyingKey::plain(x));
    assert_eq!(verify(&prepared(x)), claims, "two answers");
    claims
}

/// Prepared once and kept: a fuzzer asks for two keys, a million times.
fn prepared(x: &[u8; 32]) -> Arc<VerifyingKey> {
    static KEYS: Mutex<BTreeMap<[u8; 32], Arc<VerifyingKey>>> = Mutex::new(BTreeMap::new());
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = keys
        .entry(*x)
        .or_insert_with(|| Arc::new(VerifyingKey::prepared(x)));
    Arc::clone(key)
}

/// True when `text` is not even a token by its form.
pub fn is_malformed(text: &str) -> bool {
    matches!(UnverifiedToken::parse(text), Err(NotOurs::Malformed))
}

/// 2033-05-18T03:33:20Z, by which two-digit years are told apart.
const NOW: i64 = 2_000_000_000;

/// What a request asks of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// 200
    Whole,
    /// 206, of bytes from the first number up to but not including the second
    Parts(Vec<(u64, u64)>),
    /// 304
    NotModified,
    /// 412
    PreconditionFailed,
    /// 416
    RangeNotSatisfiable,
}

/// What a request with `headers` asks of a file of `size` bytes.
pub fn evaluate(
    method: &Method,
    headers: &HeaderMap,
    etag: &str,
    last_modified: Option<i64>,
    size: u64,
) -> Asked {
    let file = Validators {
        etag,
        last_modified,
        size,
    };
    match conditions::evaluate(method, headers, file, NOW) {
        Due::Whole => Asked::Whole,
        Due::Parts(ranges) => {
            let bounds = ranges.iter().map(|range| (range.start, range.end));
            Asked::Parts(bounds.collect())
        }
        Due::NotModified => Asked::NotModified,
        Due::PreconditionFailed => Asked::PreconditionFailed,
        Due::RangeNotSatisfiable => Asked::RangeNotSatisfiable,
    }
}

/// Leases under a key that everybody knows.
pub struct Leases(lease::Leases);

impl Leases {
    /// Leases of the server at `audience`.
    pub fn new(audience: &str) -> Self {
        Self(lease::Leases::new(LeaseKey::from_bytes(&[7; 32]), audience))
    }

    /// The value of a lease's cookie.
    pub fn issue(&self, jti: Uuid, deadline: i64) -> String {
        self.0.issue(jti, deadline)
    }

    /// The deadline of the lease of `jti` in these `Cookie` headers.
    pub fn find(&self, cookies: &[&str], name: &str, jti: Uuid, now: i64) -> Option<i64> {
        self.0
            .find_deadline(cookies.iter().copied(), name, jti, now)
    }
}
