//! Where the demo listens, and what its addresses are.

use std::net::{IpAddr, SocketAddr, TcpListener};

use anyhow::{Context, Result, bail};
use shared::base_url::BaseUrl;

use crate::settings::Settings;

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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn settings(app_listen: &str, download_listen: &str) -> Settings {
        Settings {
            directory: "./var/demo".into(),
            app_listen: app_listen.parse().unwrap(),
            download_listen: download_listen.parse().unwrap(),
        }
    }

    #[test]
    fn addresses_follow_the_ports_and_their_hosts_differ() {
        let doors = Doors::open(&settings("127.0.0.1:0", "0.0.0.0:0")).unwrap();

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

        let refused = Doors::open(&settings(&address, "127.0.0.1:0"))
            .unwrap_err()
            .to_string();

        assert!(
            refused.contains(&address) && refused.contains("APP_LISTEN="),
            "{refused}"
        );
    }
}
