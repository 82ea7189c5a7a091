//! The download servers: how they are, and which of them delivers a file.
//!
//! Every file has its own order of servers (rendezvous hashing, [`order`]), the same on every app
//! server, so that each download server's cache holds its share and a lost one moves only its own
//! files. Each server is asked every two seconds how it is ([`probe`]); what it answers decides
//! whether it is sent anybody ([`health`]).

pub mod health;
pub mod order;
pub mod probe;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use shared::{base_url::BaseUrl, file_store::StorageKey};
use tokio::{
    sync::Mutex,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::config::Config;
use health::Health;
use probe::Prober;

/// How often each server is asked how it is.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// An answer younger than this is not asked for again by those who wait for one.
const FRESH: Duration = Duration::from_millis(500);

/// The download servers; cloning gives a second handle on the same ones.
#[derive(Clone)]
pub struct Nodes(Arc<Inner>);

struct Inner {
    prober: Prober,
    nodes: Vec<Node>,
    /// Held by whoever is asking them all; when that was done last.
    asked_at: Mutex<Option<Instant>>,
}

struct Node {
    url: BaseUrl,
    // std lock: never held across an await.
    health: RwLock<Health>,
}

impl Nodes {
    /// The servers at DOWNLOAD_URLS, each down until it was asked.
    ///
    /// # Errors
    /// No HTTP client could be made.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        Self::of(&config.app_url, &config.download_urls)
    }

    /// The servers at `urls` of the shop `issuer`.
    fn of(issuer: &BaseUrl, urls: &[BaseUrl]) -> anyhow::Result<Self> {
        let node = |url: &BaseUrl| Node {
            url: url.clone(),
            health: RwLock::default(),
        };
        Ok(Self(Arc::new(Inner {
            prober: Prober::new(issuer.as_str())?,
            nodes: urls.iter().map(node).collect(),
            asked_at: Mutex::new(None),
        })))
    }

    /// Asks all of them every two seconds in a task of its own, until no handle is left.
    pub fn watch(&self) -> JoinHandle<()> {
        let nodes = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let mut ticks = interval(INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(inner) = nodes.upgrade() else { return };
                Self(inner).probe_all().await;
            }
        })
    }

    /// Asks all of them once, side by side.
    pub async fn probe_all(&self) {
        let mut asked_at = self.0.asked_at.lock().await;
        self.0.probe_all().await;
        *asked_at = Some(Instant::now());
    }

    /// The ready server that delivers the file stored under `key`.
    ///
    /// The next in the file's order when the first is at a limit of its own; the first ready one
    /// when all are, since it may be free again by then.
    pub fn pick(&self, key: &StorageKey) -> Option<BaseUrl> {
        let order = order::order(self.0.nodes.iter().map(|node| node.url.as_str()), key);
        let nodes = || order.iter().filter_map(|at| self.0.nodes.get(*at));
        let with_room = nodes().find(|node| node.health().has_room());
        let ready = || nodes().find(|node| node.health().is_ready());
        with_room.or_else(ready).map(|node| node.url.clone())
    }

    /// As [`Nodes::pick`], but before it finds nobody it asks them all.
    pub async fn find(&self, key: &StorageKey) -> Option<BaseUrl> {
        if let Some(url) = self.pick(key) {
            return Some(url);
        }
        let mut asked_at = self.0.asked_at.lock().await;
        // However many wait here, the servers are asked once.
        if asked_at.is_none_or(|asked_at| asked_at.elapsed() > FRESH) {
            self.0.probe_all().await;
            *asked_at = Some(Instant::now());
        }
        self.pick(key)
    }
}

impl Inner {
    async fn probe_all(&self) {
        let probes = self.nodes.iter().map(async |node| {
            let answer = self.prober.ask(&node.url).await;
            node.health
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .observe(&node.url, answer);
        });
        futures_util::future::join_all(probes).await;
    }
}

impl Node {
    fn health(&self) -> impl std::ops::Deref<Target = Health> {
        self.health.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
