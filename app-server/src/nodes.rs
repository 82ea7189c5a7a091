//! The download servers and how they are.

use shared::{base_url::BaseUrl, file_store::StorageKey};

use crate::config::Config;

/// The download servers, probed, and the choice among them.
#[derive(Clone)]
pub struct Nodes;

impl Nodes {
    /// All down until the first probe.
    pub fn new(_config: &Config) -> anyhow::Result<Self> {
        Ok(Self)
    }

    /// Probes all every 2 s in a task of its own, until this and all its clones are dropped.
    pub fn watch(&self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(async {})
    }

    /// Probes all once, in parallel.
    pub async fn probe_all(&self) {}

    /// The ready server that `key` belongs to.
    pub fn pick(&self, _key: &StorageKey) -> Option<BaseUrl> {
        None
    }
}
