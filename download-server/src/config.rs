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
    /// From the first byte of asking for them to the answer's last.
    pub jwks_deadline: Duration,
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
    /// Deliveries at a time by one lease; more of them wait.
    pub max_streams_per_lease: usize,
    /// What connections are held to.
    pub limits: Limits,
    /// Proxies whose `X-Forwarded-For` and `X-Request-Id` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long running deliveries may take to finish once a stop was asked for.
    pub drain: Duration,
    /// How long a server without deliveries waits before it stops, so that the shop has noticed.
    pub quiet: Duration,
    /// Threads that serve requests.
    pub workers: usize,
    /// The certificate to speak TLS with, if this server does so itself.
    #[cfg(feature = "tls")]
    pub tls: Option<CertificateFiles>,
    /// Where `/metrics` is served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
}

/// Where the shop's public keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Jwks {
    /// The issuer's `/.well-known/jwks.json`; its answers also show its clock.
    Issuer,
    /// A file.
    File(PathBuf),
}

/// Where a certificate is; both are read again when the operator says so.
#[cfg(feature = "tls")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, in PEM, the server's own first.
    pub certificates: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// How many connections there may be, and how long each may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; the next one takes the place of the longest idle one.
    pub max_connections: usize,
    /// The same for each client's address; 0 for no limit.
    pub max_connections_per_address: usize,
    /// From the beginning of a connection, or the end of an answer, to the end of a request's head.
    pub head_timeout: Duration,
    /// A client that acknowledges no byte for so long is gone.
    pub peer_silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 20_000,
            max_connections_per_address: 0,
            head_timeout: Duration::from_secs(15),
            peer_silence: Duration::from_mins(1),
        }
    }
}

impl Limits {
    /// Connections leave a quarter of the open files to what they ask for.
    const CONNECTIONS_OF_FOUR: u64 = 3;

    /// Lowers the cap on connections to what `open_files` allow; true when that was needed.
    ///
    /// At the cap an idle connection makes room for a newcomer. Where files run out before, nobody
    /// makes room, and newcomers wait.
    pub fn fit(&mut self, open_files: u64) -> bool {
        let most = (open_files / 4)
            .saturating_mul(Self::CONNECTIONS_OF_FOUR)
            .max(1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let lowered = self.max_connections > most;
        self.max_connections = self.max_connections.min(most);
        lowered
    }
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
            jwks_deadline: Duration::from_secs(4),
            files_url: files_url.to_owned(),
            bucket: BucketAccess::default(),
            lease_key: None,
            max_clock_skew_secs: 2,
            ledger_capacity: 10_000_000,
            max_streams: 10_000,
            max_streams_per_lease: 8,
            limits: Limits::default(),
            trusted_proxies: Vec::new(),
            drain: Duration::from_secs(30),
            quiet: Duration::from_secs(5),
            workers: cores(),
            #[cfg(feature = "tls")]
            tls: None,
            metrics_listen: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_open_files_to_deliveries() {
        let mut limits = Limits::default();
        assert!(!limits.fit(u64::MAX));
        assert!(!limits.fit(26_668));
        assert_eq!(limits.max_connections, 20_000);
        assert!(limits.fit(20_000));
        assert_eq!(limits.max_connections, 15_000);
        assert!(limits.fit(0));
        assert_eq!(limits.max_connections, 1);
    }
}
