//! Public addresses of servers.

use std::{fmt, net::IpAddr, str::FromStr};

use url::{Host, Url};

/// The public address of a server: `http(s)://host[:port][/path]`, without a trailing slash.
///
/// Equal addresses have equal text, so it serves as `iss` and `aud` as it stands.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BaseUrl {
    text: String,
    url: Url,
}

impl BaseUrl {
    /// The text, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host without its port, lower-case; IPv6 in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// `host[:port]`, as a browser sends it in `Host`.
    pub fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host().to_owned(),
        }
    }

    /// `scheme://host[:port]`, as a browser sends it in `Origin`.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The path, empty or `/…` without a trailing slash.
    pub fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// True for `https`.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// True for `localhost`, names beneath it, 127.0.0.0/8 and `[::1]`.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).to_canonical().is_loopback(),
            None => false,
        }
    }

    /// The address followed by `path`, which begins with `/`.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidBaseUrl)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(InvalidBaseUrl);
        }
        let text = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { text, url })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text is not the address of a server.
#[derive(Debug, thiserror::Error)]
#[error("expected an address like https://shop.example, without user, query or fragment")]
pub struct InvalidBaseUrl;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn addresses_are_normalised() {
        for (given, normal) in [
            ("HTTPS://Shop.Example:443/", "https://shop.example"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://h/files/", "http://h/files"),
        ] {
            assert_eq!(given.parse::<BaseUrl>().unwrap().as_str(), normal);
        }
    }

    #[test]
    fn what_is_not_a_servers_address_is_refused() {
        for text in [
            "",
            "shop.example",
            "ftp://h",
            "http://u:p@h",
            "http://h?x",
            "http://h#x",
        ] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_recognised() {
        for text in [
            "http://localhost",
            "http://127.0.0.2:1",
            "http://[::1]",
            "http://a.localhost",
        ] {
            assert!(text.parse::<BaseUrl>().unwrap().is_loopback(), "{text}");
        }
        for text in [
            "http://localhost.example",
            "http://10.0.0.1",
            "http://127.0.0.1.example",
        ] {
            assert!(!text.parse::<BaseUrl>().unwrap().is_loopback(), "{text}");
        }
    }
}
