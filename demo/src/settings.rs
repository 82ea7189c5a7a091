//! What the demo can be told, and what it tells the servers.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::Command;
use shared::settings::{self, Mistakes, Refused, Settings as Reader, Variable};

/// Everything the demo can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Holds all that the demo writes.
    pub directory: PathBuf,
    /// Where the shop listens.
    pub app_listen: SocketAddr,
    /// Where the downloads listen.
    pub download_listen: SocketAddr,
}

const VARIABLES: &[Variable] = &[
    Variable {
        name: "DEMO_DIR",
        value: "DIR",
        default: "./var/demo",
        help: "Holds all that the demo writes; delete it to begin anew",
        secret: false,
    },
    Variable {
        name: "APP_LISTEN",
        value: "ADDRESS:PORT",
        default: "127.0.0.1:8080",
        help: "Where the shop listens; its address follows",
        secret: false,
    },
    Variable {
        name: "DOWNLOAD_LISTEN",
        value: "ADDRESS:PORT",
        default: "127.0.0.1:8081",
        help: "Where the downloads listen; their address follows",
        secret: false,
    },
];

const ABOUT: &str =
    "The whole shop on one machine: a private PostgreSQL, both servers, a sample catalogue";

const MORE: &str = "\
CLAIMCHECK_PG_BIN names the directory of PostgreSQL's programs; otherwise PATH and the usual places
are searched. RUST_LOG=info shows every request. What the servers know besides (SESSION_IDLE_SECS,
TOKEN_TTL_SECS …) holds here too; DATABASE_URL and SMTP_URL are ignored: mail is kept, and shown at /dev/mail.";

impl Settings {
    /// Reads flags and environment.
    ///
    /// # Errors
    /// Every mistake at once, or the help that was asked for.
    pub fn read(
        arguments: impl IntoIterator<Item = OsString>,
        environment: &[(String, String)],
    ) -> Result<Self, Refused> {
        let command = Command::new("demo")
            .about(ABOUT)
            .version(env!("CARGO_PKG_VERSION"));
        let command = settings::command(command, VARIABLES).after_help(MORE);
        let (matches, mistakes) = settings::parse(&command, arguments)?;
        let environment = environment.iter().cloned();
        let mut reader = Reader::collect(VARIABLES, &matches, environment, mistakes);
        let settings = Self::from_reader(&mut reader);
        reader.finish(settings).map_err(Refused::Mistakes)
    }

    fn from_reader(reader: &mut Reader) -> Option<Self> {
        let directory = reader.text("DEMO_DIR").map(PathBuf::from);
        let app_listen = reader.parsed("APP_LISTEN");
        let download_listen = reader.parsed("DOWNLOAD_LISTEN");
        Some(Self {
            directory: directory?,
            app_listen: app_listen?,
            download_listen: download_listen?,
        })
    }
}

/// The app-server's configuration: `environment`, with the demo's own values in front.
///
/// # Errors
/// Mistakes in variables that the demo leaves to the app-server.
pub fn app_config(
    environment: &[(String, String)],
    own: &[(&str, String)],
) -> Result<app_server::config::Config, Mistakes> {
    // A secret is the demo's own however it is given.
    let is_own = |name: &str| {
        let name = name.strip_suffix("_FILE").unwrap_or(name);
        own.iter().any(|(own, _)| *own == name)
    };
    let others = environment
        .iter()
        .filter(|(name, _)| !is_own(name))
        .cloned();
    let own = own
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    let command = Command::new("app-server").no_binary_name(true);
    let command = settings::command(command, app_server::config::VARIABLES);
    let matches = command.get_matches_from(Vec::<OsString>::new());
    app_server::config::Config::read(&matches, others.chain(own), Mistakes::default())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn read(environment: &[(&str, &str)]) -> Result<Settings, Refused> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment: Vec<_> = environment.iter().map(owned).collect();
        Settings::read([OsString::from("demo")], &environment)
    }

    #[test]
    fn by_default_the_shop_is_on_8080_and_everything_under_var() {
        let settings = read(&[("DATABASE_URL", "postgresql://elsewhere/shop")]).unwrap();
        assert_eq!(settings.directory.to_str(), Some("./var/demo"));
        assert_eq!(settings.app_listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.download_listen.to_string(), "127.0.0.1:8081");
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let refused = read(&[
            ("APP_LISTEN", "8080"),
            ("APP_LISTNE", "x"),
            ("DOWNLOAD_LISTEN", "?"),
        ]);
        let Err(Refused::Mistakes(mistakes)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(mistakes.lines().len(), 3, "{mistakes}");
    }

    #[test]
    fn the_demos_values_win_and_the_others_are_passed_on() {
        let given = [
            ("DATABASE_URL", "nonsense"),
            ("DATABASE_URL_FILE", "/nowhere"),
            ("PAYMENTS", "none"),
            ("TOKEN_TTL_SECS", "60"),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let own = [
            ("DATABASE_URL", "postgresql://postgres@%2Frun/shop"),
            ("KEYS_DIR", "/d/keys"),
            ("FILES_URL", "file:///d/files"),
            ("PAYMENTS", "test"),
        ];
        let own = own.map(|(name, value)| (name, value.to_owned()));

        let config = app_config(&given, &own).unwrap();

        assert_eq!(config.payments, app_server::config::Payments::Test);
        assert_eq!(config.token_ttl.as_secs(), 60);
    }
}
