//! One log line per delivery, when it has ended.

use std::{
    io,
    time::{Duration, Instant},
};

use shared::{file_store::StorageKey, token::DownloadToken};
use uuid::Uuid;

use crate::{answer::Content, caller::Caller, metrics::Metrics, request_log::request_id};

/// What is said of a delivery when it has ended, however it did.
#[derive(Debug)]
pub(crate) struct DeliveryLog {
    caller: Caller,
    metrics: Metrics,
    jti: Uuid,
    key: StorageKey,
    status: u16,
    /// Bytes of the answer's body.
    n_bytes: u64,
    n_sent: u64,
    began_at: Instant,
    first_byte: Option<Duration>,
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
            caller,
            metrics: metrics.clone(),
            jti,
            key,
            status,
            n_bytes,
            n_sent: 0,
            began_at,
            first_byte: None,
            broken: None,
        }
    }

    /// `n_bytes` more have been handed to the socket.
    pub(crate) fn sent(&mut self, n_bytes: u64) {
        self.n_sent += n_bytes;
        self.metrics.bytes.inc_by(n_bytes);
        if self.first_byte.is_none() {
            let after = self.began_at.elapsed();
            self.metrics.began(after);
            self.first_byte = Some(after);
        }
    }

    /// It cannot go on.
    pub(crate) fn break_off(&mut self, error: &io::Error) {
        self.broken = Some(match error.kind() {
            io::ErrorKind::TimedOut => Broken::LeaseOver,
            io::ErrorKind::ConnectionAborted => Broken::ClientGone,
            kind => Broken::FileUnreadable(kind),
        });
    }
}

impl Drop for DeliveryLog {
    fn drop(&mut self) {
        let request_id = request_id(&self.caller, Some(self.jti));
        let ip = self.caller.ip.map(tracing::field::display);
        let (jti, status, n_bytes, n_sent) = (self.jti, self.status, self.n_bytes, self.n_sent);
        let duration_ms = millis(self.began_at.elapsed());
        let first_byte_ms = self.first_byte.map(millis);
        match self.broken {
            None if n_sent == n_bytes => {
                self.metrics.ended("complete");
                tracing::info!(request.id = request_id, ip, %jti, status, n_bytes, first_byte_ms, duration_ms, "delivered");
            }
            None | Some(Broken::ClientGone) => {
                self.metrics.ended("client_gone");
                tracing::info!(request.id = request_id, ip, %jti, status, n_bytes, n_sent, first_byte_ms, duration_ms, "a delivery broke off: the client went away");
            }
            Some(Broken::LeaseOver) => {
                self.metrics.ended("lease_over");
                tracing::warn!(request.id = request_id, ip, %jti, status, n_bytes, n_sent, first_byte_ms, duration_ms, "a delivery was cut: its lease is over");
            }
            Some(Broken::FileUnreadable(error)) => {
                self.metrics.ended("file_unreadable");
                let key = self.key;
                tracing::error!(request.id = request_id, ip, %jti, status, n_bytes, n_sent, first_byte_ms, duration_ms, %key, %error, "a delivery broke off: the file cannot be read on");
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
