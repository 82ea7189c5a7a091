//! Asks a download server how it is.

use std::time::Duration;

use reqwest::{Client, redirect::Policy};
use serde::Deserialize;
use shared::base_url::BaseUrl;

/// From the first packet to the last byte.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A server that answers with more is not one of ours.
const MAX_BYTES: usize = 64 * 1024;

/// What a download server says of itself at `/readyz`; members added later are passed over.
#[derive(Clone, Debug, Deserialize)]
pub struct Readiness {
    /// It takes new downloads.
    pub ready: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Drawn anew by each process.
    pub instance: String,
    /// Whom its tokens must be for.
    pub audience: String,
    /// Who must have signed them.
    pub issuer: String,
    /// Deliveries running now.
    pub streams: u64,
    /// Deliveries beyond which it would rather not be sent anybody.
    pub max_streams: u64,
    /// Used tokens it remembers; older servers do not say.
    #[serde(default)]
    pub claims: u64,
    /// Used tokens it can remember; with so many it takes no new ones.
    #[serde(default = "unlimited")]
    pub max_claims: u64,
}

fn unlimited() -> u64 {
    u64::MAX
}

/// Asks; one for all servers.
pub struct Prober {
    client: Client,
    issuer: String,
}

impl Prober {
    /// For a shop whose tokens say `issuer`.
    ///
    /// # Errors
    /// No HTTP client could be made.
    pub fn new(issuer: &str) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            // A connection of its own for each question: a kept one would always reach the same
            // of two processes behind one address.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self {
            client,
            issuer: issuer.to_owned(),
        })
    }

    /// What the server at `url` says, if it is the one expected there.
    ///
    /// # Errors
    /// Why it cannot be sent anybody, whatever it says of itself; for the log.
    pub async fn ask(&self, url: &BaseUrl) -> Result<Readiness, String> {
        let unreachable = |error: reqwest::Error| {
            let error = anyhow::Error::new(error.without_url());
            format!("does not answer: {error:#}")
        };
        let request = self.client.get(url.join("/readyz")).send();
        let mut response = request.await.map_err(unreachable)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Err("answers with more than 64 KiB".to_owned());
            }
        }
        let status = response.status();
        let readiness: Readiness = serde_json::from_slice(&body)
            .map_err(|_| format!("answers {status}, and not as a download server does"))?;
        self.expected(url, readiness)
    }

    fn expected(&self, url: &BaseUrl, readiness: Readiness) -> Result<Readiness, String> {
        if readiness.audience != url.as_str() {
            return Err(format!(
                "calls itself {:?}: check its DOWNLOAD_URL",
                readiness.audience
            ));
        }
        if readiness.issuer != self.issuer {
            return Err(format!(
                "works for {:?}: check its ISSUER",
                readiness.issuer
            ));
        }
        Ok(readiness)
    }
}
