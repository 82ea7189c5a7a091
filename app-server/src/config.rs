//! What an operator sets: read once, every mistake reported together.

pub mod mail;
mod variables;

pub use variables::VARIABLES;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::ArgMatches;
use ipnet::IpNet;
use secrecy::SecretString;
use shared::{
    base_url::BaseUrl,
    file_store::access::{self, BucketAccess},
    settings::{Mistakes, Settings},
};

use crate::domain::sealing::Keyring;

/// Everything the app-server can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// `postgresql://…`; may hold a password.
    pub database_url: SecretString,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The public origin: issuer of tokens, owner of cookies, base of links.
    pub app_url: BaseUrl,
    /// The audiences of the download servers, without duplicates.
    pub download_urls: Vec<BaseUrl>,
    /// Folder of the signing keys.
    pub keys_dir: PathBuf,
    /// Seals what must be readable again; without it nobody can set up a second factor.
    pub secrets: Option<Keyring>,
    /// The file store's address.
    pub files_url: String,
    /// What opens it, when it is a bucket.
    pub bucket: BucketAccess,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// The Redis that keeps the sessions of users; none: PostgreSQL does. May hold a password.
    pub session_store: Option<SecretString>,
    /// Sessions a user may have; the idlest goes first.
    pub sessions_per_user: u64,
    /// Anonymous session rows one address may cause in an hour.
    pub anonymous_per_address: u64,
    /// Accounts one address may open, or try to, in an hour.
    pub registrations_per_address: u64,
    /// Lifetime of a download token.
    pub token_ttl: Duration,
    /// How priced orders are settled.
    pub payments: Payments,
    /// How letters leave, and whose they are.
    pub mail: mail::Mail,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// A database of countries, `.mmdb`.
    pub geoip_db: Option<PathBuf>,
    /// How long running requests may take to finish once a stop was asked for.
    pub drain: Duration,
    /// Threads that serve requests.
    pub workers: usize,
}

/// Idle and absolute lifetimes, by kind of session.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Until the browser closes.
    pub browser: Lifetime,
    /// "Remember me".
    pub remembered: Lifetime,
    /// Accounts with the role `admin`, remembered or not.
    pub admin: Lifetime,
    /// Visitors who are not signed in, since their last use.
    pub anonymous: Duration,
}

/// When a session ends by itself.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime {
    /// After this long without a request.
    pub idle: Duration,
    /// After this long in any case.
    pub absolute: Duration,
}

/// How priced orders are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payments {
    /// Not at all: only what is free is sold.
    None,
    /// At once and without money; every page says so.
    Test,
}

const A_CENTURY: u64 = 100 * 365 * 86_400;

impl Config {
    /// Reads flags and environment.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn read(
        matches: &ArgMatches,
        environment: impl IntoIterator<Item = (String, String)>,
        mistakes: Mistakes,
    ) -> Result<Self, Mistakes> {
        let mut settings = Settings::collect(VARIABLES, matches, environment, mistakes);
        let config = Self::from_settings(&mut settings);
        settings.finish(config)
    }

    fn from_settings(settings: &mut Settings) -> Option<Self> {
        let database_url = database_url(settings);
        let listen = settings.parsed("APP_LISTEN");
        let app_url = settings.parsed::<BaseUrl>("APP_URL");
        let mut download_urls = settings.list::<BaseUrl>("DOWNLOAD_URLS");
        download_urls.sort();
        download_urls.dedup();
        if let Some(app_url) = &app_url {
            check_urls(settings, app_url, &download_urls);
        }
        let keys_dir = keys_dir(settings);
        let secrets = secrets_key(settings);
        let files = access::read(settings);
        let lifetimes = Lifetimes {
            browser: lifetime(settings, "SESSION_IDLE_SECS", "SESSION_ABSOLUTE_SECS"),
            remembered: lifetime(settings, "REMEMBER_IDLE_SECS", "REMEMBER_ABSOLUTE_SECS"),
            admin: lifetime(settings, "ADMIN_IDLE_SECS", "ADMIN_ABSOLUTE_SECS"),
            anonymous: Duration::from_secs(settings.integer("ANONYMOUS_SECS", 60..=A_CENTURY)),
        };
        let session_store = session_store(settings);
        let sessions_per_user = settings.integer("SESSIONS_PER_USER", 1..=10_000);
        let anonymous_per_address = settings.integer("ANONYMOUS_PER_ADDRESS", 1..=u64::MAX);
        let registrations_per_address = settings.integer("REGISTRATIONS_PER_ADDRESS", 1..=u64::MAX);
        let token_ttl = Duration::from_secs(settings.integer("TOKEN_TTL_SECS", 10..=300));
        let payments = payments(settings);
        let mail = mail::read(settings, app_url.as_ref());
        let trusted_proxies = settings.list("TRUSTED_PROXIES");
        let geoip_db = settings.text("GEOIP_DB").map(PathBuf::from);
        let drain = Duration::from_secs(settings.integer("DRAIN_SECS", 0..=86_400));
        let workers = workers(settings);
        let (files_url, bucket) = files?;
        Some(Self {
            database_url: database_url?,
            listen: listen?,
            app_url: app_url?,
            download_urls,
            keys_dir: keys_dir?,
            secrets,
            files_url,
            bucket,
            lifetimes,
            session_store,
            sessions_per_user,
            anonymous_per_address,
            registrations_per_address,
            token_ttl,
            payments: payments?,
            mail: mail?,
            trusted_proxies,
            geoip_db,
            drain,
            workers,
        })
    }
}

/// Reads what a command needs that needs less than a server.
///
/// # Errors
/// Every mistake at once.
pub fn read_part<T>(
    matches: &ArgMatches,
    environment: impl IntoIterator<Item = (String, String)>,
    mistakes: Mistakes,
    part: impl FnOnce(&mut Settings) -> Option<T>,
) -> Result<T, Mistakes> {
    let mut settings = Settings::collect(VARIABLES, matches, environment, mistakes);
    let part = part(&mut settings);
    settings.finish(part)
}

/// The process's environment.
#[expect(
    clippy::disallowed_methods,
    reason = "config is the one reader of the environment"
)]
pub fn environment() -> Vec<(String, String)> {
    // Names are ASCII; a value that is no text is reported by whoever parses it.
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// DATABASE_URL.
pub fn database_url(settings: &mut Settings) -> Option<SecretString> {
    use secrecy::ExposeSecret;

    let Some(url) = settings.secret("DATABASE_URL") else {
        settings.mistake("DATABASE_URL: required, here or in the file DATABASE_URL_FILE names");
        return None;
    };
    match url.expose_secret().parse::<tokio_postgres::Config>() {
        Ok(config) if config.get_ssl_mode() == tokio_postgres::config::SslMode::Require => {
            settings.mistake(
                "DATABASE_URL: sslmode=require: this program speaks no TLS to PostgreSQL; use a unix \
                 socket, a private network or a TLS tunnel",
            );
        }
        Ok(_) => {}
        Err(error) => settings.mistake(format!(
            "DATABASE_URL: expected postgresql://user:password@host/database: {error}"
        )),
    }
    Some(url)
}

/// SESSION_STORE: nothing for PostgreSQL.
pub fn session_store(settings: &mut Settings) -> Option<SecretString> {
    use secrecy::ExposeSecret;

    let given = settings.secret("SESSION_STORE")?;
    let url = given.expose_secret();
    if url == "postgres" {
        return None;
    }
    if let Err(error) = redis::Client::open(url) {
        settings.mistake(format!(
            "SESSION_STORE: expected postgres or redis://host:port/database: {error}"
        ));
    }
    Some(given)
}

/// KEYS_DIR.
pub fn keys_dir(settings: &mut Settings) -> Option<PathBuf> {
    settings.required("KEYS_DIR").map(PathBuf::from)
}

/// SECRETS_KEY, where it is given.
fn secrets_key(settings: &mut Settings) -> Option<Keyring> {
    use secrecy::ExposeSecret;

    let text = settings.secret("SECRETS_KEY")?;
    match Keyring::parse(text.expose_secret()) {
        Ok(keys) => Some(keys),
        Err(mistakes) => {
            for mistake in mistakes {
                settings.mistake(format!("SECRETS_KEY: {mistake}"));
            }
            None
        }
    }
}

/// SECRETS_KEY, for a command that is nothing without it.
pub fn required_secrets_key(settings: &mut Settings) -> Option<Keyring> {
    if settings.secret("SECRETS_KEY").is_none() {
        settings.mistake("SECRETS_KEY: required, here or in the file SECRETS_KEY_FILE names");
    }
    secrets_key(settings)
}

/// A download server on the shop's own host would be sent the shop's cookies.
fn check_urls(settings: &mut Settings, app_url: &BaseUrl, download_urls: &[BaseUrl]) {
    if !app_url.path().is_empty() {
        settings.mistake(format!(
            "APP_URL: {app_url} has a path; the shop needs a host of its own"
        ));
    }
    if !app_url.is_https() && !app_url.is_loopback() {
        settings.mistake(format!(
            "APP_URL: {app_url} is plain http; sign-in needs https anywhere but on this machine itself"
        ));
    }
    if download_urls.is_empty() {
        settings.mistake("DOWNLOAD_URLS: expected at least one URL");
    }
    for url in download_urls {
        if url.host() == app_url.host() {
            settings.mistake(format!(
                "DOWNLOAD_URLS: {url} has APP_URL's host; it would be sent the shop's cookies"
            ));
        }
        if app_url.is_https() && !url.is_https() {
            settings.mistake(format!(
                "DOWNLOAD_URLS: {url} is plain http under an https shop"
            ));
        }
        if url.path().len() > 20 {
            settings.mistake(format!("DOWNLOAD_URLS: the path of {url} is over 20 bytes"));
        }
    }
}

fn lifetime(settings: &mut Settings, idle: &str, absolute: &str) -> Lifetime {
    let lifetime = Lifetime {
        idle: Duration::from_secs(settings.integer(idle, 1..=A_CENTURY)),
        absolute: Duration::from_secs(settings.integer(absolute, 1..=A_CENTURY)),
    };
    if lifetime.idle > lifetime.absolute {
        settings.mistake(format!("{idle}: longer than {absolute}"));
    }
    lifetime
}

fn payments(settings: &mut Settings) -> Option<Payments> {
    match settings.text("PAYMENTS").as_deref() {
        Some("none") => Some(Payments::None),
        Some("test") => Some(Payments::Test),
        other => {
            let given = other.unwrap_or_default();
            settings.mistake(format!("PAYMENTS: {given:?}: expected none or test"));
            None
        }
    }
}

fn workers(settings: &mut Settings) -> usize {
    if settings.text("WORKERS").is_some() {
        usize::try_from(settings.integer("WORKERS", 1..=1_024)).unwrap_or(1)
    } else {
        std::thread::available_parallelism().map_or(1, usize::from)
    }
}
