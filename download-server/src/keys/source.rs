//! Where keys are read from, and what the answer says about clocks.

use std::{
    io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::http::header::HttpDate;
use anyhow::{Context, anyhow};
use reqwest::{
    Client, Response,
    header::{AGE, CACHE_CONTROL, DATE, HeaderName},
    redirect::Policy,
};
use shared::{
    clock::Clock,
    key_set::{KeySet, KeySetError, MAX_KEY_SET_BYTES},
};
use tokio::io::AsyncReadExt;

use super::unread::{Reason, Unread};
use crate::config::{Config, Jwks};

/// Where the shop's public keys come from.
pub(crate) enum Source {
    Issuer {
        client: Client,
        url: String,
        max_clock_skew_secs: i64,
    },
    File(PathBuf),
}

/// Keys, and whether the clocks of both servers agree.
type Read = (KeySet, Result<(), String>);

impl Source {
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        if let Jwks::File(path) = &config.jwks {
            return Ok(Self::File(path.clone()));
        }
        // A redirect could lead to where nobody vouches for the keys, a proxy of the environment too.
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(config.jwks_deadline)
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self::Issuer {
            client,
            url: config.issuer.join("/.well-known/jwks.json"),
            max_clock_skew_secs: config.max_clock_skew_secs.into(),
        })
    }

    /// Reads the keys once.
    pub(crate) async fn read(&self, clock: &Clock) -> Result<Read, Unread> {
        let (json, clocks) = match self {
            Self::File(path) => {
                let json = file(path).await;
                let json = json.with_context(|| format!("cannot read {}", path.display()));
                let json = json.map_err(|error| Unread::new(Reason::Unreachable, error))?;
                (json, Ok(()))
            }
            Self::Issuer {
                client,
                url,
                max_clock_skew_secs,
            } => {
                let asked_at = clock.unix_secs();
                let answer = client
                    .get(url)
                    .header(CACHE_CONTROL, "no-cache")
                    .send()
                    .await?;
                let answered_at = clock.unix_secs();
                if answer.status() != 200 {
                    let error = anyhow!("{url} answered {}", answer.status());
                    return Err(Unread::new(Reason::Status, error));
                }
                let here = asked_at - max_clock_skew_secs..=answered_at + max_clock_skew_secs;
                let clocks = match date(&answer) {
                    Some(date) if here.contains(&date) => Ok(()),
                    Some(date) => Err(format!(
                        "this clock and the shop's are {} s apart",
                        date.abs_diff(answered_at)
                    )),
                    None => Err("the shop's keys came without a date".to_owned()),
                };
                (body(answer).await?, clocks)
            }
        };
        let keys = KeySet::from_json(&json)?;
        // An empty set would end every token and lease: more likely a fault than a wish.
        if keys.is_empty() {
            let error = anyhow!("there is no Ed25519 key in the key set");
            return Err(Unread::new(Reason::Empty, error));
        }
        Ok((keys, clocks))
    }
}

/// When the answer was made, whole seconds since 1970 (RFC 9111 §4.2.3: a cache adds an Age).
fn date(answer: &Response) -> Option<i64> {
    let text = |name: HeaderName| answer.headers().get(name)?.to_str().ok();
    let date: SystemTime = text(DATE)?.parse::<HttpDate>().ok()?.into();
    let age: i64 = text(AGE)
        .and_then(|age| age.trim().parse().ok())
        .unwrap_or(0);
    let secs = i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    secs.checked_add(age)
}

async fn body(mut answer: Response) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetError::TooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The file's bytes, and of one that is too large as many as show that it is.
async fn file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(path).await?;
    let enough = MAX_KEY_SET_BYTES as u64 + 1;
    file.take(enough).read_to_end(&mut bytes).await?;
    Ok(bytes)
}
