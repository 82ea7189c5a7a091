//! What every request shares.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::anyhow;
use shared::{clock::Clock, file_store::FileStore};
use uuid::Uuid;

use crate::{
    config::{Config, LeaseKey},
    keys::Keys,
    lease::Leases,
    ledger::Ledger,
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
    pub(crate) streams: Arc<Streams>,
    /// Random at each start: two of them behind one address are two ledgers.
    pub(crate) instance: Uuid,
    /// Tokens signed until then may have been used before this process was there. Whole seconds.
    pub(crate) forgotten_until: i64,
    is_draining: AtomicBool,
}

impl State {
    pub(crate) fn new(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let lease_key = match &config.lease_key {
            Some(key) => key.clone(),
            None => LeaseKey::random().map_err(|_| anyhow!("the system gives no randomness"))?,
        };
        let now = clock.now();
        // Rounded up: the shop's whole seconds may hide a difference of up to one more.
        let started_at = now.timestamp() + i64::from(now.timestamp_subsec_nanos() > 0);
        Ok(Self {
            keys: Arc::new(Keys::new(&config, clock.clone())),
            ledger: Arc::new(Ledger::new(config.ledger_capacity)),
            leases: Leases::new(lease_key, config.download_url.as_str()),
            store: FileStore::open(&config.files_url)?,
            streams: Arc::default(),
            instance: Uuid::new_v4(),
            forgotten_until: started_at + i64::from(config.max_clock_skew_secs),
            is_draining: AtomicBool::new(false),
            config,
            clock,
        })
    }

    pub(crate) fn begin_drain(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::SeqCst)
    }
}
