//! From flags and environment to a [`Config`].

use std::time::Duration;

use clap::Command;
use shared::{
    base_url::BaseUrl,
    file_store::access,
    settings::{self, Refused, Settings},
};

use super::{
    Config, Jwks, LeaseKey,
    variables::{SECRETS, VARIABLES},
};

/// Room for the path prefix of DOWNLOAD_URL: with `/d/`, a token and it, a cookie's Path must stay
/// within the 1,024 bytes that browsers keep.
const MAX_PREFIX_BYTES: usize = 20;

impl Config {
    fn from_settings(settings: &mut Settings) -> Option<Self> {
        let listen = settings.parsed("DOWNLOAD_LISTEN");
        let download_url = settings.parsed::<BaseUrl>("DOWNLOAD_URL");
        let issuer = settings.parsed::<BaseUrl>("ISSUER");
        let jwks = settings
            .text("JWKS_FILE")
            .map_or(Jwks::Issuer, |path| Jwks::File(path.into()));
        let files = access::read(settings);
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
        let (files_url, bucket) = files?;
        let config = Self::new(download_url?, issuer?, jwks, &files_url);
        Some(Self {
            bucket,
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

fn count(settings: &mut Settings, name: &str, least: u64, most: u64) -> usize {
    usize::try_from(settings.integer(name, least..=most)).unwrap_or(usize::MAX)
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
    // Flags reach its help by themselves; secrets, which are no flags, do not.
    let serve = settings::command(serve, SECRETS);
    let command = Command::new("download-server")
        .about(about)
        .version(env!("CARGO_PKG_VERSION"));
    let command = settings::command(command.subcommand(serve), VARIABLES);
    let (matches, mistakes) = settings::parse(&command, std::env::args_os())?;
    let matches = matches.subcommand().map_or(&matches, |(_, serve)| serve);
    // A value that is no text must not count as absent: it is reported by whoever parses it.
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let environment = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
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
