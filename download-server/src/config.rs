//! What an operator sets: read once, every mistake reported together.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Command;
use ipnet::IpNet;
use shared::{
    base_url::BaseUrl,
    file_store::FileStore,
    settings::{self, Refused, Settings, Variable},
};

pub use crate::lease::LeaseKey;

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

/// Room for the path prefix of DOWNLOAD_URL: with `/d/`, a token and it, a cookie's Path must stay
/// within the 1,024 bytes that browsers keep.
const MAX_PREFIX_BYTES: usize = 20;

const fn variable(
    name: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Variable {
    Variable {
        name,
        value,
        default,
        help,
        secret: false,
    }
}

/// Every variable the download-server reads.
pub const VARIABLES: &[Variable] = &[
    variable(
        "DOWNLOAD_LISTEN",
        "ADDRESS:PORT",
        "127.0.0.1:8081",
        "Where to listen",
    ),
    variable(
        "DOWNLOAD_URL",
        "URL",
        "http://127.0.0.1:8081",
        "Public address of this one process: the audience of its tokens",
    ),
    variable(
        "ISSUER",
        "URL",
        "http://localhost:8080",
        "The shop's APP_URL: who must have signed",
    ),
    variable(
        "JWKS_FILE",
        "PATH",
        "",
        "Public keys from a file instead of from ISSUER",
    ),
    variable(
        "JWKS_REFRESH_SECS",
        "SECONDS",
        "60",
        "How often the public keys are read again",
    ),
    variable(
        "FILES_URL",
        "URL",
        "",
        "File store, file:///absolute/folder; required",
    ),
    Variable {
        name: "LEASE_KEY",
        value: "",
        default: "",
        help: "32 bytes in base64; interrupted downloads resume across a restart by it; \
               required unless DOWNLOAD_URL is loopback",
        secret: true,
    },
    variable(
        "MAX_CLOCK_SKEW_SECS",
        "SECONDS",
        "2",
        "How far this clock and the shop's may be apart",
    ),
    variable(
        "LEDGER_CAPACITY",
        "COUNT",
        "10000000",
        "Claimed tokens held, about 40 bytes each: 400 MB at the default",
    ),
    variable(
        "MAX_STREAMS",
        "COUNT",
        "10000",
        "Deliveries at a time beyond which the shop sends nobody here",
    ),
    variable(
        "TRUSTED_PROXIES",
        "CIDR,…",
        "",
        "Proxies whose X-Forwarded-For and X-Request-Id are believed",
    ),
    variable(
        "DRAIN_SECS",
        "SECONDS",
        "30",
        "How long running deliveries may take to finish at a stop",
    ),
    variable(
        "WORKERS",
        "COUNT",
        "",
        "Threads that serve requests; by default one for each core",
    ),
];

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

    fn from_settings(settings: &mut Settings) -> Option<Self> {
        let listen = settings.parsed("DOWNLOAD_LISTEN");
        let download_url = settings.parsed::<BaseUrl>("DOWNLOAD_URL");
        let issuer = settings.parsed::<BaseUrl>("ISSUER");
        let jwks = settings
            .text("JWKS_FILE")
            .map_or(Jwks::Issuer, |path| Jwks::File(path.into()));
        let files_url = files_url(settings);
        let lease_key = lease_key(settings, download_url.as_ref());
        check_urls(settings, download_url.as_ref(), issuer.as_ref(), &jwks);
        let secs = |settings: &mut Settings, name, range| {
            Duration::from_secs(settings.integer(name, range))
        };
        let jwks_refresh = secs(settings, "JWKS_REFRESH_SECS", 1..=3_600);
        let max_clock_skew_secs = count(settings, "MAX_CLOCK_SKEW_SECS", 0, 60);
        let ledger_capacity = count(settings, "LEDGER_CAPACITY", 1, 4_000_000_000);
        let max_streams = count(settings, "MAX_STREAMS", 1, 1_000_000);
        let trusted_proxies = settings.list("TRUSTED_PROXIES");
        let drain = secs(settings, "DRAIN_SECS", 0..=86_400);
        let workers = settings
            .text("WORKERS")
            .map(|_| count(settings, "WORKERS", 1, 1_024));
        let config = Self::new(download_url?, issuer?, jwks, &files_url?);
        Some(Self {
            listen: listen?,
            jwks_refresh,
            lease_key,
            max_clock_skew_secs: u32::try_from(max_clock_skew_secs).unwrap_or(u32::MAX),
            ledger_capacity,
            max_streams,
            trusted_proxies,
            drain,
            workers: workers.unwrap_or(config.workers),
            ..config
        })
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn count(settings: &mut Settings, name: &str, least: u64, most: u64) -> usize {
    usize::try_from(settings.integer(name, least..=most)).unwrap_or(usize::MAX)
}

fn files_url(settings: &mut Settings) -> Option<String> {
    let url = settings.required("FILES_URL")?;
    match FileStore::open(&url) {
        Ok(_) => Some(url),
        Err(error) => {
            settings.mistake(format!("FILES_URL: {error}"));
            None
        }
    }
}

fn lease_key(settings: &mut Settings, download_url: Option<&BaseUrl>) -> Option<LeaseKey> {
    let Some(secret) = settings.secret("LEASE_KEY") else {
        if download_url.is_some_and(|url| !url.is_loopback()) {
            settings.mistake("LEASE_KEY: required, since DOWNLOAD_URL is not loopback");
        }
        return None;
    };
    let key = LeaseKey::parse(&secret);
    if key.is_none() {
        settings.mistake("LEASE_KEY: expected 32 bytes in base64");
    }
    key
}

fn check_urls(
    settings: &mut Settings,
    download_url: Option<&BaseUrl>,
    issuer: Option<&BaseUrl>,
    jwks: &Jwks,
) {
    if download_url.is_some_and(|url| url.path().len() > MAX_PREFIX_BYTES) {
        settings.mistake(format!(
            "DOWNLOAD_URL: its path is longer than {MAX_PREFIX_BYTES} bytes, so browsers would drop leases"
        ));
    }
    let exposed = |url: &BaseUrl| !url.is_https() && !url.is_loopback();
    if *jwks == Jwks::Issuer && issuer.is_some_and(exposed) {
        settings
            .mistake("ISSUER: keys are fetched over https or from loopback only; or set JWKS_FILE");
    }
}

/// Reads the process's arguments and environment.
///
/// # Errors
/// Help that was asked for, or every mistake at once.
#[expect(
    clippy::disallowed_methods,
    reason = "config is the one reader of the environment"
)]
pub fn read() -> Result<Config, Refused> {
    let about = "Verifies single-use download tokens and streams the files they name";
    let serve =
        Command::new("serve").about("Serve until SIGTERM or SIGINT; also without a command");
    let command = Command::new("download-server")
        .about(about)
        .version(env!("CARGO_PKG_VERSION"));
    let command = settings::command(command.subcommand(serve), VARIABLES);
    let (matches, mistakes) = settings::parse(&command, std::env::args_os())?;
    let matches = matches.subcommand().map_or(&matches, |(_, serve)| serve);
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut settings = Settings::collect(VARIABLES, matches, environment, mistakes);
    let config = Config::from_settings(&mut settings);
    settings.finish(config).map_err(Refused::Mistakes)
}

/// `RUST_LOG`.
#[expect(
    clippy::disallowed_methods,
    reason = "config is the one reader of the environment"
)]
pub fn log_filter() -> Option<String> {
    std::env::var("RUST_LOG").ok()
}
