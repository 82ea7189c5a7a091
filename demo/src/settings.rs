//! What the demo can be told, and what it tells the servers.

use std::{
    ffi::OsString,
    net::{IpAddr, SocketAddr, TcpListener},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use clap::Command;
use shared::{
    base_url::BaseUrl,
    settings::{self, Mistakes, Refused, Settings as Reader, Variable},
};

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
TOKEN_TTL_SECS …) holds here too; DATABASE_URL is ignored.";

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

/// Where both servers listen, and what their addresses are for a browser on this machine.
///
/// They differ in the host, so that no cookie of the shop ever reaches the downloads.
#[derive(Debug)]
pub struct Doors {
    /// The shop's.
    pub app: TcpListener,
    /// `http://localhost:8080`.
    pub app_url: BaseUrl,
    /// The downloads'.
    pub download: TcpListener,
    /// `http://127.0.0.1:8081`.
    pub download_url: BaseUrl,
}

impl Doors {
    /// Listens; nobody is answered yet.
    ///
    /// # Errors
    /// A port is taken; the message says how to choose another.
    pub fn open(settings: &Settings) -> Result<Self> {
        let app = listen(settings.app_listen, "APP_LISTEN")?;
        let download = listen(settings.download_listen, "DOWNLOAD_LISTEN")?;
        let app_url = format!("http://localhost:{}", app.local_addr()?.port());
        let download_url = format!("http://{}", for_browsers(download.local_addr()?));
        Ok(Self {
            app,
            app_url: app_url.parse()?,
            download,
            download_url: download_url.parse()?,
        })
    }
}

fn listen(address: SocketAddr, variable: &str) -> Result<TcpListener> {
    let error = match TcpListener::bind(address) {
        Ok(listener) => return Ok(listener),
        Err(error) => error,
    };
    if error.kind() == std::io::ErrorKind::AddrInUse {
        let other = SocketAddr::new(address.ip(), address.port().wrapping_add(1000));
        bail!("{address} is in use, perhaps by another demo; {variable}={other} moves this one");
    }
    Err(error).with_context(|| format!("cannot listen on {address} ({variable})"))
}

/// The address as a number: `localhost` is the shop's.
fn for_browsers(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The app-server's configuration: `environment`, with the demo's own values in front.
///
/// # Errors
/// Mistakes in variables that the demo leaves to the app-server.
pub fn app_config(
    environment: &[(String, String)],
    own: &[(&str, String)],
) -> Result<app_server::config::Config, Mistakes> {
    let is_own =
        |name: &str| name == "DATABASE_URL_FILE" || own.iter().any(|(own, _)| *own == name);
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
    fn addresses_follow_the_ports_and_their_hosts_differ() {
        let settings = read(&[
            ("APP_LISTEN", "127.0.0.1:0"),
            ("DOWNLOAD_LISTEN", "0.0.0.0:0"),
        ]);
        let doors = Doors::open(&settings.unwrap()).unwrap();

        let port = doors.app.local_addr().unwrap().port();
        assert_eq!(doors.app_url.as_str(), format!("http://localhost:{port}"));
        let port = doors.download.local_addr().unwrap().port();
        assert_eq!(
            doors.download_url.as_str(),
            format!("http://127.0.0.1:{port}")
        );
    }

    #[test]
    fn a_taken_port_is_named_with_the_variable_that_moves_it() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let settings = read(&[("APP_LISTEN", address.as_str())]).unwrap();

        let refused = Doors::open(&settings).unwrap_err().to_string();

        assert!(
            refused.contains(&address) && refused.contains("APP_LISTEN="),
            "{refused}"
        );
    }

    #[test]
    fn the_demos_values_win_and_the_others_are_passed_on() {
        let given = [
            ("DATABASE_URL", "nonsense"),
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
