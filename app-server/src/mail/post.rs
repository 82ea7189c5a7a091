//! The way letters leave.

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{
        PoolConfig,
        authentication::Credentials,
        client::{Tls, TlsParameters},
        extension::ClientId,
    },
};
use secrecy::ExposeSecret;
use shared::base_url::BaseUrl;

use super::{kept::Kept, message::Message};
use crate::config::mail::{Mail, SmtpServer, SmtpTls, Transport};

/// One answer of a mail server may take this long.
const ANSWER: Duration = Duration::from_secs(15);

/// One letter may take this long; less than the first pause between two attempts.
const LETTER: Duration = Duration::from_secs(45);

/// Connections to the mail server, and letters on their way at a time.
pub const N_CONNECTIONS: usize = 4;

/// The way letters leave.
pub struct Post {
    from: Mailbox,
    host: String,
    way: Way,
    turn: tokio::sync::Mutex<()>,
}

enum Way {
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    LogOnly,
    Memory(Kept),
}

/// Why a letter did not leave. Never with the server's words: they repeat the address.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Another attempt may work.
    #[error("for now: {0}")]
    ForNow(String),
    /// No attempt will.
    #[error("for good: {0}")]
    ForGood(String),
}

impl Post {
    /// Prepares the way; connects with the first letter.
    ///
    /// # Errors
    /// No TLS can be had.
    pub fn open(mail: &Mail, app_url: &BaseUrl) -> anyhow::Result<Self> {
        let way = match &mail.transport {
            Transport::Smtp(server) => Way::Smtp(Box::new(smtp(server, app_url)?)),
            Transport::LogOnly => Way::LogOnly,
            Transport::Memory(kept) => Way::Memory(kept.clone()),
        };
        Ok(Self {
            from: mail.from.clone(),
            host: app_url.host().to_owned(),
            way,
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// Held by whoever empties the outbox in this process.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// True where letters go nowhere: none needs to be written.
    pub fn only_logs(&self) -> bool {
        matches!(self.way, Way::LogOnly)
    }

    /// Where letters are kept in memory; nothing where they leave.
    pub fn kept(&self) -> Option<&Kept> {
        match &self.way {
            Way::Memory(kept) => Some(kept),
            Way::Smtp(_) | Way::LogOnly => None,
        }
    }

    /// Sends a letter.
    ///
    /// # Errors
    /// It did not leave, as far as we know.
    pub async fn send(&self, message: Message) -> Result<(), Refused> {
        match &self.way {
            Way::LogOnly => Ok(()),
            Way::Memory(kept) => {
                kept.add(message);
                Ok(())
            }
            Way::Smtp(server) => {
                let Some(envelope) = message.envelope(&self.from, &self.host) else {
                    return Err(Refused::ForGood("no address that mail knows".to_owned()));
                };
                match tokio::time::timeout(LETTER, server.send(envelope)).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(refused(&error)),
                    Err(_) => Err(Refused::ForNow("no answer in time".to_owned())),
                }
            }
        }
    }
}

fn smtp(
    server: &SmtpServer,
    app_url: &BaseUrl,
) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
    let tls = match server.tls {
        SmtpTls::None => Tls::None,
        SmtpTls::StartTls => Tls::Required(TlsParameters::new(server.host.clone())?),
        SmtpTls::Implicit => Tls::Wrapper(TlsParameters::new(server.host.clone())?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.clone())
        .port(server.port)
        .tls(tls)
        .timeout(Some(ANSWER))
        .hello_name(ClientId::Domain(app_url.host().to_owned()))
        .pool_config(PoolConfig::new().max_size(u32::try_from(N_CONNECTIONS).unwrap_or(1)));
    if let Some((user, password)) = &server.credentials {
        let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
        builder = builder.credentials(credentials);
    }
    Ok(builder.build())
}

/// Whether another attempt makes sense.
///
/// A refusal of the recipient (RFC 5321 §4.2.3: 550 to 554; RFC 3463: 5.1.x, 5.2.x) is final. A
/// wrong password (53x) or a policy (5.7.x: "relaying denied") is for the operator to put right,
/// and the letters shall leave once that is done.
fn refused(error: &lettre::transport::smtp::Error) -> Refused {
    let Some(status) = error.status() else {
        // Of the connection, or lettre's own: no server's words, no address in them.
        return Refused::ForNow(if error.is_response() {
            "an answer that is not SMTP".to_owned()
        } else {
            error.to_string()
        });
    };
    let code = u16::from(status);
    let words = std::error::Error::source(error).map(ToString::to_string);
    let words = words.unwrap_or_default();
    let enhanced = words.split_whitespace().next().unwrap_or_default();
    let is_enhanced = enhanced.split('.').count() == 3
        && enhanced
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let enhanced = if is_enhanced { enhanced } else { "" };
    let said = format!("the mail server said {code} {enhanced}")
        .trim_end()
        .to_owned();
    if (550..=556).contains(&code) && !enhanced.starts_with("5.7.") {
        Refused::ForGood(said)
    } else {
        Refused::ForNow(said)
    }
}
