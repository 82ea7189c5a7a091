//! What every request shares.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::anyhow;
use shared::{clock::Clock, file_store::FileStore};
use uuid::Uuid;

#[cfg(feature = "tls")]
use crate::connection::tls::Certificates;
use crate::{
    config::{Config, LeaseKey},
    connection::registry::Connections,
    keys::{Keys, Reading},
    lease::Leases,
    ledger::Ledger,
    metrics::Metrics,
    streams::Streams,
};

/// What every request of one server process shares.
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) keys: Arc<Keys>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) leases: Leases,
    pub(crate) store: FileStore,
    pub(crate) metrics: Metrics,
    pub(crate) streams: Arc<Streams>,
    pub(crate) connections: Arc<Connections>,
    #[cfg(feature = "tls")]
    pub(crate) certificates: Option<Certificates>,
    /// Random at each start: two of them behind one address are two ledgers.
    pub(crate) instance: Uuid,
    /// Whole seconds since 1970.
    started_at: i64,
    is_draining: AtomicBool,
    /// The store had files once; without any, its disk is not mounted.
    pub(crate) store_had_files: AtomicBool,
}

impl State {
    pub(crate) fn new(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let lease_key = match &config.lease_key {
            Some(key) => key.clone(),
            None => LeaseKey::random().map_err(|_| anyhow!("the system gives no randomness"))?,
        };
        let metrics = Metrics::new();
        #[cfg(feature = "tls")]
        let certificates = config.tls.clone().map(Certificates::load).transpose()?;
        Ok(Self {
            keys: Arc::new(Keys::new(&config, clock.clone())),
            ledger: Arc::new(Ledger::new(config.ledger_capacity)),
            leases: Leases::new(lease_key, config.download_url.as_str()),
            store: FileStore::open(&config.files_url, &config.bucket)?,
            streams: Arc::new(Streams::new(config.max_streams_per_lease)),
            connections: Arc::new(Connections::new(
                config.limits,
                config.trusted_proxies.clone(),
                clock.clone(),
                metrics.clone(),
            )),
            #[cfg(feature = "tls")]
            certificates,
            metrics,
            instance: Uuid::new_v4(),
            started_at: clock.unix_secs(),
            is_draining: AtomicBool::new(false),
            store_had_files: AtomicBool::new(false),
            config,
            clock,
        })
    }

    /// Tokens signed until then may have been used before this process was there.
    ///
    /// Whole seconds since 1970. Sound because nothing is claimed whose `iat` is further ahead of
    /// this clock than the skew; and because a start under a wrong clock counts as one only when
    /// the clock is right.
    pub(crate) fn forgotten_until(&self, reading: &Reading) -> i64 {
        let started_at = self.started_at.max(reading.clocks_agree_since());
        started_at.saturating_add(self.config.max_clock_skew_secs.into())
    }

    pub(crate) fn begin_drain(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::SeqCst)
    }
}
