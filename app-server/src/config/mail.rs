//! SMTP_URL and MAIL_FROM: how letters leave, and whose they are.

use std::net::IpAddr;

use lettre::{Address, message::Mailbox};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use shared::{base_url::BaseUrl, settings::Settings};
use url::Url;

use crate::mail::kept::Kept;

/// How letters leave, and whose they are.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The sender of every letter.
    pub from: Mailbox,
    /// The way they take.
    pub transport: Transport,
}

/// The way letters take.
#[derive(Clone, Debug)]
pub enum Transport {
    /// To a server that passes them on.
    Smtp(SmtpServer),
    /// Nowhere: a line of the log says which would have left.
    LogOnly,
    /// Into the memory of this process: the demo shows them, tests read them.
    Memory(Kept),
}

/// A server that takes our letters.
#[derive(Clone, Debug)]
pub struct SmtpServer {
    /// Its name, which its certificate must bear, or its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept secret.
    pub tls: SmtpTls,
    /// Name and password, when it wants them.
    pub credentials: Option<(String, SecretString)>,
}

/// How a connection to an SMTP server is kept secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// From its first byte (RFC 8314): `smtps://`, port 465.
    Implicit,
    /// By STARTTLS (RFC 3207), without which nothing is sent: `smtp://`, port 587.
    StartTls,
    /// Not at all: `smtp://` on this machine, or with `?tls=none` within a private network.
    None,
}

/// Reads both.
pub(super) fn read(settings: &mut Settings, app_url: Option<&BaseUrl>) -> Option<Mail> {
    let transport = transport(settings);
    let from = from(settings, app_url);
    Some(Mail {
        from: from?,
        transport: transport?,
    })
}

fn transport(settings: &mut Settings) -> Option<Transport> {
    let Some(url) = settings.secret("SMTP_URL") else {
        return Some(Transport::LogOnly);
    };
    match SmtpServer::parse(url.expose_secret()) {
        Ok(server) => Some(Transport::Smtp(server)),
        Err(wrong) => {
            settings.mistake(format!("SMTP_URL: {wrong}"));
            None
        }
    }
}

fn from(settings: &mut Settings, app_url: Option<&BaseUrl>) -> Option<Mailbox> {
    let Some(text) = settings.text("MAIL_FROM") else {
        let Some(address) = no_reply(app_url?) else {
            settings.mistake("MAIL_FROM: required: no address can be made of APP_URL's host");
            return None;
        };
        return Some(Mailbox::new(Some("Claimcheck".to_owned()), address));
    };
    let mailbox = text.parse().ok();
    if mailbox.is_none() {
        settings.mistake(format!(
            "MAIL_FROM: {text:?}: expected a mailbox like Claimcheck <no-reply@shop.example>"
        ));
    }
    mailbox
}

fn no_reply(app_url: &BaseUrl) -> Option<Address> {
    let host = app_url.host();
    let domain = match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(address)) => format!("[{address}]"),
        Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        Err(_) => host.to_owned(),
    };
    Address::new("no-reply", domain).ok()
}

impl SmtpServer {
    /// `smtp(s)://[user:password@]host[:port][?tls=required|none]`.
    ///
    /// # Errors
    /// What is wrong, without the password.
    fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str =
            "expected smtp://user:password@host:587 or smtps://user:password@host:465";
        let url = Url::parse(text).map_err(|_| FORM)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(FORM)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(FORM);
        }
        let is_here = host == "localhost"
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback());
        let tls = match (url.scheme(), url.query()) {
            ("smtps", None | Some("tls=required")) => SmtpTls::Implicit,
            ("smtp", Some("tls=none")) => SmtpTls::None,
            ("smtp", None) if is_here => SmtpTls::None,
            ("smtp", None | Some("tls=required")) => SmtpTls::StartTls,
            ("smtp" | "smtps", _) => return Err("the only parameter is tls=required or tls=none"),
            _ => return Err(FORM),
        };
        let credentials = credentials(&url)?;
        if credentials.is_some() && tls == SmtpTls::None && !is_here {
            return Err("tls=none would send the password in clear");
        }
        let port = url.port().unwrap_or(match tls {
            SmtpTls::Implicit => 465,
            SmtpTls::StartTls => 587,
            SmtpTls::None => 25,
        });
        Ok(Self {
            host,
            port,
            tls,
            credentials,
        })
    }
}

fn credentials(url: &Url) -> Result<Option<(String, SecretString)>, &'static str> {
    let decoded = |text: &str| {
        percent_decode_str(text)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| "user and password must be UTF-8")
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err("a user needs a password, and a password a user"),
        (user, Some(password)) => Ok(Some((decoded(user)?, decoded(password)?.into()))),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn off_this_machine_letters_travel_by_tls() {
        for (url, host, port, tls) in [
            (
                "smtps://mail.example",
                "mail.example",
                465,
                SmtpTls::Implicit,
            ),
            (
                "smtp://mail.example",
                "mail.example",
                587,
                SmtpTls::StartTls,
            ),
            (
                "smtp://mail.example:2525",
                "mail.example",
                2525,
                SmtpTls::StartTls,
            ),
            ("smtp://relay:25?tls=none", "relay", 25, SmtpTls::None),
            ("smtp://127.0.0.1:1025/", "127.0.0.1", 1025, SmtpTls::None),
            ("smtp://[::1]", "::1", 25, SmtpTls::None),
            (
                "smtp://localhost?tls=required",
                "localhost",
                587,
                SmtpTls::StartTls,
            ),
        ] {
            let server = SmtpServer::parse(url).unwrap();
            assert_eq!(
                (server.host.as_str(), server.port, server.tls),
                (host, port, tls),
                "{url}"
            );
            assert!(server.credentials.is_none());
        }
    }

    #[test]
    fn user_and_password_may_hold_any_character() {
        let server = SmtpServer::parse("smtps://shop%40example:p%3A%2F%40ss@mail.example").unwrap();
        let (user, password) = server.credentials.unwrap();
        assert_eq!(
            (user.as_str(), password.expose_secret()),
            ("shop@example", "p:/@ss")
        );
    }

    #[test]
    fn what_is_no_mail_server_is_refused_without_its_password() {
        for url in [
            "mail.example",
            "http://mail.example",
            "smtp://",
            "smtp://mail.example/inbox",
            "smtp://mail.example?tls=maybe",
            "smtps://mail.example?tls=none",
            "smtp://user@mail.example",
            "smtp://user:hunter2@mail.example?tls=none",
        ] {
            let wrong = SmtpServer::parse(url).unwrap_err();
            assert!(!wrong.contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn the_sender_is_at_the_shops_own_host_by_default() {
        for (url, address) in [
            ("https://shop.example", "no-reply@shop.example"),
            ("http://localhost:8080", "no-reply@localhost"),
            ("http://127.0.0.1:8080", "no-reply@[127.0.0.1]"),
            ("http://[::1]:8080", "no-reply@[IPv6:::1]"),
        ] {
            let address_made = no_reply(&url.parse().unwrap()).unwrap();
            assert_eq!(address_made.to_string(), address, "{url}");
        }
    }
}
