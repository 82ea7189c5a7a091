//! One log line per delivery, when it has ended.

pub(crate) mod later;

use std::{
    io,
    net::IpAddr,
    time::{Duration, Instant},
};

use shared::{file_store::StorageKey, token::DownloadToken};
use tracing::field::display;
use uuid::Uuid;

use crate::{answer::Content, caller::Caller, metrics::Metrics};

/// What is counted and said of a delivery when it has ended, however it did.
#[derive(Debug)]
pub(crate) struct DeliveryLog {
    metrics: Metrics,
    began_at: Instant,
    facts: Facts,
}

/// What its line says.
#[derive(Clone, Debug)]
struct Facts {
    caller: Caller,
    jti: Uuid,
    key: StorageKey,
    status: u16,
    /// Bytes of the answer's body.
    n_bytes: u64,
    n_sent: u64,
    first_byte: Option<Duration>,
    duration: Duration,
    /// Why it broke off; without a reason the client went away.
    broken: Option<Broken>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    LeaseOver,
    ClientGone,
    FileUnreadable(io::ErrorKind),
}

impl DeliveryLog {
    /// Begins with the request that came at `began_at`.
    pub(crate) fn begin(
        metrics: &Metrics,
        caller: &Caller,
        token: &DownloadToken,
        content: &Content,
        began_at: Instant,
    ) -> Self {
        Self::new(
            metrics,
            caller.clone(),
            (token.jti, token.key),
            content.status.as_u16(),
            content.n_bytes(),
            began_at,
        )
    }

    pub(crate) fn new(
        metrics: &Metrics,
        caller: Caller,
        (jti, key): (Uuid, StorageKey),
        status: u16,
        n_bytes: u64,
        began_at: Instant,
    ) -> Self {
        Self {
            metrics: metrics.clone(),
            began_at,
            facts: Facts {
                caller,
                jti,
                key,
                status,
                n_bytes,
                n_sent: 0,
                first_byte: None,
                duration: Duration::ZERO,
                broken: None,
            },
        }
    }

    /// `n_bytes` more have been handed to the socket.
    pub(crate) fn sent(&mut self, n_bytes: u64) {
        self.facts.n_sent += n_bytes;
        self.metrics.bytes.inc_by(n_bytes);
        if self.facts.first_byte.is_none() {
            let after = self.began_at.elapsed();
            self.metrics.began(after);
            self.facts.first_byte = Some(after);
        }
    }

    /// It cannot go on.
    pub(crate) fn break_off(&mut self, error: &io::Error) {
        self.facts.broken = Some(match error.kind() {
            io::ErrorKind::TimedOut => Broken::LeaseOver,
            io::ErrorKind::ConnectionAborted => Broken::ClientGone,
            kind => Broken::FileUnreadable(kind),
        });
    }
}

impl Drop for DeliveryLog {
    fn drop(&mut self) {
        self.facts.duration = self.began_at.elapsed();
        self.metrics.ended(self.facts.ending());
        let facts = self.facts.clone();
        if facts.ending() == COMPLETE {
            later::write(facts);
        } else {
            facts.write();
        }
    }
}

/// The ending of nearly all.
const COMPLETE: &str = "complete";

impl Facts {
    fn ending(&self) -> &'static str {
        match self.broken {
            None if self.n_sent == self.n_bytes => COMPLETE,
            None | Some(Broken::ClientGone) => "client_gone",
            Some(Broken::LeaseOver) => "lease_over",
            Some(Broken::FileUnreadable(_)) => "file_unreadable",
        }
    }

    fn write(&self) {
        let mut buffer = Uuid::encode_buffer();
        let jti: &str = self.jti.hyphenated().encode_lower(&mut buffer);
        let id = self.caller.request_id.as_deref().unwrap_or(jti);
        let ip = self.caller.ip.map(display::<IpAddr>);
        let (status, n_bytes, n_sent) = (self.status, self.n_bytes, self.n_sent);
        let duration_ms = millis(self.duration);
        let first_byte_ms = self.first_byte.map(millis);
        // A line of this level: what all have, and what is given.
        macro_rules! line {
            ($level:ident, $($more:tt)+) => {
                tracing::$level!(request.id = id, ip, jti, status, n_bytes, first_byte_ms, duration_ms, $($more)+)
            };
        }
        match self.broken {
            None if n_sent == n_bytes => line!(info, "delivered"),
            None | Some(Broken::ClientGone) => {
                line!(info, n_sent, "a delivery broke off: the client went away");
            }
            Some(Broken::LeaseOver) => line!(warn, n_sent, "a delivery was cut: its lease is over"),
            Some(Broken::FileUnreadable(error)) => {
                let key = self.key;
                line!(error, n_sent, %key, %error, "a delivery broke off: the file cannot be read on");
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
