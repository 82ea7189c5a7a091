//! What an operator sets: read once, every mistake reported together.

pub mod reading;
pub mod variables;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use aws_lc_rs::{hmac, rand};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use shared::{base_url::BaseUrl, file_store::access::BucketAccess};

/// Everything the download-server can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The public address of this very process: the audience of its tokens.
    pub download_url: BaseUrl,
    /// The shop: issuer of tokens, and where people are sent back to.
    pub issuer: BaseUrl,
    /// Where the shop's public keys come from.
    pub jwks: Jwks,
    /// How often they are read again.
    pub jwks_refresh: Duration,
    /// At least this long from one reading to the next, when unknown keys ask for it.
    pub jwks_pause: Duration,
    /// The file store's address.
    pub files_url: String,
    /// What opens it, when it is a bucket.
    pub bucket: BucketAccess,
    /// Authenticates leases; without one, a random key that dies with the process.
    pub lease_key: Option<LeaseKey>,
    /// How far clocks may be apart.
    pub max_clock_skew_secs: u32,
    /// Claimed tokens held.
    pub ledger_capacity: usize,
    /// Deliveries at a time beyond which the shop sends nobody here.
    pub max_streams: usize,
    /// Proxies whose `X-Forwarded-For` and `X-Request-Id` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long running deliveries may take to finish once a stop was asked for.
    pub drain: Duration,
    /// How long a server without deliveries waits before it stops, so that the shop has noticed.
    pub quiet: Duration,
    /// Threads that serve requests.
    pub workers: usize,
}

/// Where the shop's public keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Jwks {
    /// The issuer's `/.well-known/jwks.json`; its answers also show its clock.
    Issuer,
    /// A file.
    File(PathBuf),
}

impl Config {
    /// The defaults around what has none.
    pub fn new(download_url: BaseUrl, issuer: BaseUrl, jwks: Jwks, files_url: &str) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            download_url,
            issuer,
            jwks,
            jwks_refresh: Duration::from_mins(1),
            jwks_pause: Duration::from_secs(5),
            files_url: files_url.to_owned(),
            bucket: BucketAccess::default(),
            lease_key: None,
            max_clock_skew_secs: 2,
            ledger_capacity: 10_000_000,
            max_streams: 10_000,
            trusted_proxies: Vec::new(),
            drain: Duration::from_secs(30),
            quiet: Duration::from_secs(5),
            workers: cores(),
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Authenticates leases.
#[derive(Clone)]
pub struct LeaseKey(pub(crate) hmac::Key);

impl LeaseKey {
    /// The key written as 32 bytes in base64, padded or not.
    pub fn parse(secret: &SecretString) -> Option<Self> {
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let base64 = GeneralPurpose::new(&alphabet::STANDARD, config);
        let bytes: [u8; 32] = base64
            .decode(secret.expose_secret())
            .ok()?
            .try_into()
            .ok()?;
        Some(Self::from_bytes(&bytes))
    }

    /// A key that no other process has.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn random() -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes)?;
        Ok(Self::from_bytes(&bytes))
    }

    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

impl fmt::Debug for LeaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseKey")
    }
}
