//! From flags and environment to a [`Config`].

use std::time::Duration;

use clap::Command;
use shared::{
    base_url::BaseUrl,
    file_store::access,
    settings::{self, Refused, Settings},
};

#[cfg(feature = "tls")]
use super::CertificateFiles;
use super::{
    Config, Jwks, LeaseKey, Limits,
    variables::{SECRETS, VARIABLES},
};

#[cfg(feature = "tls")]
use crate::connection::tls::Certificates;

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
        let max_streams_per_lease = count(settings, "MAX_STREAMS_PER_LEASE", 1, 1_000);
        let limits = Limits {
            max_connections: count(settings, "MAX_CONNECTIONS", 1, 1_000_000),
            max_connections_per_address: count(
                settings,
                "MAX_CONNECTIONS_PER_ADDRESS",
                0,
                1_000_000,
            ),
            head_timeout: secs(settings, "HEAD_TIMEOUT_SECS", 1..=3_600),
            peer_silence: secs(settings, "PEER_TIMEOUT_SECS", 1..=3_600),
        };
        let trusted_proxies = settings.list("TRUSTED_PROXIES");
        let drain = secs(settings, "DRAIN_SECS", 0..=86_400);
        let workers = settings
            .text("WORKERS")
            .map(|_| count(settings, "WORKERS", 1, 1_024));
        #[cfg(feature = "tls")]
        let tls = tls(settings, download_url.as_ref());
        #[cfg(not(feature = "tls"))]
        refuse_tls(settings);
        let metrics_listen = settings
            .text("METRICS_LISTEN")
            .and_then(|_| settings.parsed("METRICS_LISTEN"));
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
            max_streams_per_lease,
            limits,
            trusted_proxies,
            drain,
            #[cfg(feature = "tls")]
            tls,
            metrics_listen,
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

/// Where the certificate is, unless a proxy speaks TLS.
#[cfg(feature = "tls")]
fn tls(settings: &mut Settings, download_url: Option<&BaseUrl>) -> Option<CertificateFiles> {
    let files = match (settings.text("TLS_CERT"), settings.text("TLS_KEY")) {
        (None, None) => return None,
        (Some(certificates), Some(key)) => CertificateFiles {
            certificates: certificates.into(),
            key: key.into(),
        },
        (Some(_), None) => {
            settings.mistake("TLS_KEY: required with TLS_CERT");
            return None;
        }
        (None, Some(_)) => {
            settings.mistake("TLS_CERT: required with TLS_KEY");
            return None;
        }
    };
    if download_url.is_some_and(|url| !url.is_https()) {
        settings.mistake("DOWNLOAD_URL: https is expected with TLS_CERT");
    }
    if let Err(error) = Certificates::load(files.clone()) {
        settings.mistake(format!("TLS_CERT, TLS_KEY: {error:#}"));
    }
    Some(files)
}

#[cfg(not(feature = "tls"))]
fn refuse_tls(settings: &mut Settings) {
    for name in ["TLS_CERT", "TLS_KEY"] {
        if settings.text(name).is_some() {
            settings.mistake(format!("{name}: needs the tls feature, not in this build"));
        }
    }
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
