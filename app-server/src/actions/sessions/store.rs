//! Where the sessions of users are kept.
//!
//! What every store must hold to:
//!
//! - **The user's row decides.** User, role, `disabled_at` and `session_epoch` come from PostgreSQL
//!   with every [`Store::find`]; a session of another epoch is over, whatever the store says.
//! - **Nothing is brought back.** A write changes what is there and not revoked, or nothing.
//! - **One wins.** Of any number of parallel rotations of a secret, [`Store::rotate`] lets one.
//! - **What does not answer is an error**, never "signed out".
//! - What is done within a transaction of the caller's must be void without it: a session begun
//!   in one that is rolled back has a secret that nobody was told.
//!
//! Visitors' sessions are always kept in PostgreSQL: their carts hang on them.

mod redis;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use self::redis::RedisStore;
use crate::{
    db::{
        self, Database, Queries, mints,
        redis::{Persistence, Redis},
        secrets::{self, Renewal, Rotated, Visit},
        sessions::{self, NewSession, Record},
    },
    domain::{
        ids::{SessionId, UserId},
        session::{Listed, REASON_TOO_MANY},
    },
};

/// Where the sessions of users are kept.
#[derive(Clone)]
pub enum Store {
    /// In the table `sessions`.
    Postgres(Database),
    /// In Redis; which of them were ended is written down in PostgreSQL besides.
    Redis(RedisStore),
}

impl Store {
    /// The table `sessions`, or the Redis at `redis_url`.
    ///
    /// # Errors
    /// The address does not parse.
    pub fn open(redis_url: Option<&SecretString>, database: &Database) -> anyhow::Result<Self> {
        let database = database.clone();
        Ok(match redis_url {
            None => Self::Postgres(database),
            Some(url) => Self::Redis(RedisStore::new(Redis::open(url)?, database)),
        })
    }

    /// The session that has, or has had, the secret of this hash: a user's or a visitor's.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn find(&self, secret_hash: &[u8; 32]) -> db::Result<Option<Record>> {
        match self {
            Self::Postgres(database) => {
                let db = database.client().await?;
                sessions::find_session(&db, secret_hash).await
            }
            Self::Redis(store) => store.find(secret_hash).await,
        }
    }

    /// Begins a session of `user`, whose row the caller has locked; the idlest make room until
    /// `limit` are left.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn insert(
        &self,
        tx: &impl Queries,
        user: UserId,
        new: &NewSession<'_>,
        limit: u64,
    ) -> db::Result<()> {
        let now = new.session.created_at;
        let keep = i64::try_from(limit.saturating_sub(1)).unwrap_or(i64::MAX);
        match self {
            Self::Postgres(_) => {
                sessions::revoke_idlest(tx, user, keep, REASON_TOO_MANY, now).await?;
                sessions::insert_session(tx, new).await
            }
            Self::Redis(store) => store.insert(tx, user, new, limit).await,
        }
    }

    /// Notes a request; false when the session was ended meanwhile. A user's or a visitor's.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn touch(&self, visit: &Visit<'_>) -> db::Result<bool> {
        match self {
            Self::Postgres(database) => {
                let db = database.client().await?;
                secrets::update_last_seen(&db, visit).await
            }
            Self::Redis(store) => store.touch(visit).await,
        }
    }

    /// Replaces the secret that was shown; of any number of requests one wins.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn rotate(&self, visit: &Visit<'_>, secret_hash: &[u8; 32]) -> db::Result<Rotated> {
        match self {
            Self::Postgres(database) => {
                let db = database.client().await?;
                secrets::rotate_secret(&db, visit, secret_hash).await
            }
            Self::Redis(store) => store.rotate(visit, secret_hash).await,
        }
    }

    /// Lets a session go on under a new secret and in its user's present epoch; false when it was
    /// ended meanwhile.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn renew(&self, tx: &impl Queries, renewal: &Renewal<'_>) -> db::Result<bool> {
        match self {
            Self::Postgres(_) => secrets::renew_secret(tx, renewal).await,
            Self::Redis(store) => store.renew(tx, renewal).await,
        }
    }

    /// Ends one session of `owner`; false when there is none of theirs that goes on.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn revoke(
        &self,
        tx: &impl Queries,
        session: SessionId,
        owner: UserId,
        reason: &str,
        now: DateTime<Utc>,
    ) -> db::Result<bool> {
        match self {
            Self::Postgres(_) => sessions::revoke_session(tx, session, owner, reason, now).await,
            Self::Redis(store) => store.revoke(tx, session, owner, reason, now).await,
        }
    }

    /// Ends all sessions of `user`, or all but `spared`. Their epoch, which the caller raises in
    /// the same transaction, ends those too that this has not seen.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn revoke_others(
        &self,
        tx: &impl Queries,
        user: UserId,
        spared: Option<SessionId>,
        reason: &str,
        now: DateTime<Utc>,
    ) -> db::Result<u64> {
        match self {
            Self::Postgres(_) => sessions::revoke_others(tx, user, spared, reason, now).await,
            Self::Redis(store) => store.revoke_others(user, spared, reason, now).await,
        }
    }

    /// The sessions of `user` that go on, the last used first.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn list(&self, user: UserId, now: DateTime<Utc>) -> db::Result<Vec<Listed>> {
        match self {
            Self::Postgres(database) => {
                let db = database.client().await?;
                sessions::list_sessions(&db, user, now).await
            }
            Self::Redis(store) => store.list(user, now).await,
        }
    }

    /// Whether a session of `user` goes on, as `tx` sees it.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn is_live(
        &self,
        tx: &impl Queries,
        session: SessionId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> db::Result<bool> {
        match self {
            Self::Postgres(_) => mints::session_is_live(tx, session).await,
            Self::Redis(store) => store.is_live(tx, session, user, now).await,
        }
    }

    /// Whether it answers, and how much of it a crash would bring back.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn check(&self) -> db::Result<Persistence> {
        match self {
            // The database answers or not, for everything.
            Self::Postgres(_) => Ok(Persistence::Sound),
            Self::Redis(store) => store.check().await,
        }
    }

    /// Forgets what is over and does not go by itself, a batch at a time; how much.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn purge(&self, now: DateTime<Utc>) -> db::Result<u64> {
        match self {
            // Its rows are forgotten with those of visitors.
            Self::Postgres(_) => Ok(0),
            Self::Redis(store) => store.purge(now).await,
        }
    }
}
