//! Redis, or Valkey: where the sessions of users may be kept instead of PostgreSQL.
//!
//! | key | holds |
//! | --- | --- |
//! | `claimcheck:session:<id>` | a hash: the session |
//! | `claimcheck:secret:<hash>` | the id of the session that has, or has had, this secret |
//! | `claimcheck:user:<id>` | a sorted set: the ids of a user's sessions by their last use |
//!
//! Instants are microseconds since 1970, hashes are hexadecimal, and what is not there is empty, but
//! for `revoked_reason`, which only an ended session has. Each question and each change is one
//! script, which nothing comes between. All keys go by themselves a while after the session's
//! last possible day.

pub mod sessions;

use std::time::Duration;

use anyhow::Context;
use redis::{
    Client, FromRedisValue, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::{DbError, Result};

/// How long a connection may take to come about, and an answer to come.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a question may take in all, connecting included.
const DEADLINE: Duration = Duration::from_secs(3);

/// One connection, which all questions share and which comes back by itself.
#[derive(Clone)]
pub struct Redis {
    connection: ConnectionManager,
}

impl Redis {
    /// Prepares a connection to `redis://…`; connects with the first question.
    ///
    /// To be called within the runtime that shall drive it.
    ///
    /// # Errors
    /// The address does not parse.
    pub fn open(url: &SecretString) -> anyhow::Result<Self> {
        let client = Client::open(url.expose_secret()).context("SESSION_STORE")?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = ConnectionManager::new_lazy_with_config(client, config)?;
        Ok(Self { connection })
    }

    /// Whether it answers, and what a crash of it would do.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn persistence(&self) -> Result<Persistence> {
        let mut connection = self.connection.clone();
        let ask = async {
            let () = redis::cmd("PING").query_async(&mut connection).await?;
            let mut config = redis::cmd("CONFIG");
            config.arg("GET").arg("appendonly").arg("save");
            let answer: redis::RedisResult<Vec<String>> = config.query_async(&mut connection).await;
            // Services that run it for others keep their configuration to themselves.
            Ok(answer.map_or(Persistence::Unknown, |answer| persistence_of(&answer)))
        };
        within(ask).await
    }

    async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T> {
        let mut connection = self.connection.clone();
        within(script.invoke_async(&mut connection)).await
    }
}

/// What a Redis knows after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// All but the last second, or nothing at all: everybody goes on, or signs in again.
    Sound,
    /// What it knew some time ago: secrets that were replaced since are good again.
    Snapshots,
    /// It does not tell.
    Unknown,
}

fn persistence_of(config: &[String]) -> Persistence {
    let value = |name: &str| {
        let mut pairs = config.chunks_exact(2);
        pairs.find_map(|pair| match pair {
            [key, value] if key == name => Some(value.as_str()),
            _ => None,
        })
    };
    match (value("appendonly"), value("save")) {
        (Some("yes"), _) | (Some("no"), Some("")) => Persistence::Sound,
        (Some("no"), Some(_)) => Persistence::Snapshots,
        _ => Persistence::Unknown,
    }
}

async fn within<T>(work: impl Future<Output = redis::RedisResult<T>>) -> Result<T> {
    match timeout(DEADLINE, work).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(DbError::Deadline("asking Redis")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_snapshots_bring_back_what_was_replaced() {
        for (config, expected) in [
            (
                ["appendonly", "yes", "save", "3600 1"].as_slice(),
                Persistence::Sound,
            ),
            (&["save", "", "appendonly", "no"], Persistence::Sound),
            (
                &["appendonly", "no", "save", "3600 1"],
                Persistence::Snapshots,
            ),
            (&[], Persistence::Unknown),
        ] {
            let config: Vec<String> = config.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(persistence_of(&config), expected, "{config:?}");
        }
    }
}
