//! Sessions in Redis: what PostgreSQL must say to them, and what is told to it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    db::{
        self, Database, Queries, elsewhere,
        redis::{Persistence, Redis, sessions::Kept},
        secrets::{Renewal, Rotated, Visit, update_last_seen},
        sessions::{NewSession, Record, find_session},
    },
    domain::{
        ids::{SessionId, UserId},
        session::{Listed, REASON_TOO_MANY, Session, Standing},
    },
};

/// No session lives longer, nor is remembered when it has ended (RFC 6265bis §5.5, and a week).
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(407);

/// What Redis is told of a session that PostgreSQL knows the reason of.
const REASON_ENDED: &str = "ended";

/// Rows that one statement forgets at most.
const BATCH: i64 = 1_000;

/// Sessions of users in Redis, of visitors in PostgreSQL.
#[derive(Clone)]
pub struct RedisStore {
    redis: Redis,
    database: Database,
}

impl RedisStore {
    /// Sessions in `redis`, their users in `database`.
    pub fn new(redis: Redis, database: Database) -> Self {
        Self { redis, database }
    }

    pub(super) async fn check(&self) -> db::Result<Persistence> {
        self.redis.persistence().await
    }

    pub(super) async fn find(&self, secret_hash: &[u8; 32]) -> db::Result<Option<Record>> {
        let found = self.redis.find_session(secret_hash).await?;
        let db = self.database.client().await?;
        let Some(kept) = found else {
            // A visitor's. A user's would be from before their sessions were kept in Redis.
            let found = find_session(&db, secret_hash).await?;
            return Ok(found.filter(|found| found.session.user.is_none()));
        };
        let holder = elsewhere::find_holder(&db, kept.user, kept.listed.id).await?;
        let Some(holder) = holder else {
            return Ok(None);
        };
        let shown = kept.shown(secret_hash);
        let standing = Standing {
            revoked_reason: holder.ended_reason.or_else(|| kept.revoked_reason.clone()),
            epochs: Some((kept.epoch, holder.session_epoch)),
            disabled: holder.disabled,
        };
        Ok(Some(Record {
            session: Session {
                id: kept.listed.id,
                user: Some(holder.user),
                created_at: kept.listed.created_at,
                last_seen_at: kept.listed.last_seen_at,
                idle_expires_at: kept.listed.idle_expires_at,
                absolute_expires_at: kept.listed.absolute_expires_at,
                remembered: kept.listed.remembered,
                confirmed_at: kept.confirmed_at,
                csrf_token: kept.csrf_token,
            },
            standing,
            shown,
        }))
    }

    pub(super) async fn insert(
        &self,
        tx: &impl Queries,
        user: UserId,
        new: &NewSession<'_>,
        limit: u64,
    ) -> db::Result<()> {
        let keep = limit.saturating_sub(1);
        let now = new.session.created_at;
        self.tell_of_ended(tx, user, now).await?;
        for ended in self.redis.insert_session(user, new, keep).await? {
            elsewhere::insert_ended(tx, ended, user, REASON_TOO_MANY, now).await?;
        }
        Ok(())
    }

    /// Tells Redis which sessions of `user` were ended, so that they count no more.
    async fn tell_of_ended(
        &self,
        tx: &impl Queries,
        user: UserId,
        now: DateTime<Utc>,
    ) -> db::Result<()> {
        let all = self.redis.list_sessions(user).await?;
        let Some((_, ended)) = elsewhere::find_epoch(tx, user, &ids(&all)).await? else {
            return Ok(());
        };
        let ended: Vec<_> = ended.into_iter().map(SessionId).collect();
        if !ended.is_empty() {
            self.redis
                .revoke_sessions(&ended, user, REASON_ENDED, now)
                .await?;
        }
        Ok(())
    }

    pub(super) async fn touch(&self, visit: &Visit<'_>) -> db::Result<bool> {
        let Some(user) = visit.user else {
            let db = self.database.client().await?;
            return update_last_seen(&db, visit).await;
        };
        if self.was_ended(visit, user).await? {
            return Ok(false);
        }
        Ok(self.redis.update_last_seen(visit).await? == Some(true))
    }

    pub(super) async fn rotate(
        &self,
        visit: &Visit<'_>,
        secret_hash: &[u8; 32],
    ) -> db::Result<Rotated> {
        let Some(user) = visit.user else {
            return Ok(Rotated::Gone);
        };
        if self.was_ended(visit, user).await? {
            return Ok(Rotated::Gone);
        }
        self.redis.rotate_secret(visit, secret_hash).await
    }

    /// Whether the session was ended since it was found. Redis is told then: not before, since what
    /// ended it could still have come to nothing.
    async fn was_ended(&self, visit: &Visit<'_>, user: UserId) -> db::Result<bool> {
        let db = self.database.client().await?;
        let holder = elsewhere::find_holder(&db, user, visit.session).await?;
        let Some(reason) = holder.and_then(|holder| holder.ended_reason) else {
            return Ok(false);
        };
        self.redis
            .revoke_sessions(&[visit.session], user, &reason, visit.now)
            .await?;
        Ok(true)
    }

    pub(super) async fn renew(&self, tx: &impl Queries, renewal: &Renewal<'_>) -> db::Result<bool> {
        // Of all that an epoch can do, only this transaction knows the user's new one.
        let epoch = elsewhere::find_epoch(tx, renewal.user, &[renewal.session]).await?;
        let Some((epoch, ended)) = epoch else {
            return Ok(false);
        };
        if ended.contains(&renewal.session.0) {
            return Ok(false);
        }
        self.redis.renew_secret(renewal, epoch).await
    }

    pub(super) async fn revoke(
        &self,
        tx: &impl Queries,
        session: SessionId,
        owner: UserId,
        reason: &str,
        now: DateTime<Utc>,
    ) -> db::Result<bool> {
        if !self.is_live(tx, session, owner, now).await? {
            return Ok(false);
        }
        // From here on it is over: Redis need not know.
        elsewhere::insert_ended(tx, session, owner, reason, now).await
    }

    pub(super) async fn revoke_others(
        &self,
        user: UserId,
        spared: Option<SessionId>,
        reason: &str,
        now: DateTime<Utc>,
    ) -> db::Result<u64> {
        let all = self.redis.list_sessions(user).await?;
        let mut others = ids(&all);
        others.retain(|id| Some(*id) != spared);
        if others.is_empty() {
            return Ok(0);
        }
        self.redis.revoke_sessions(&others, user, reason, now).await
    }

    pub(super) async fn list(&self, user: UserId, now: DateTime<Utc>) -> db::Result<Vec<Listed>> {
        let all = self.redis.list_sessions(user).await?;
        let db = self.database.client().await?;
        let Some((epoch, ended)) = elsewhere::find_epoch(&db, user, &ids(&all)).await? else {
            return Ok(Vec::new());
        };
        let live = all
            .into_iter()
            .filter(|kept| goes_on(kept, epoch, now) && !ended.contains(&kept.listed.id.0));
        Ok(live.map(|kept| kept.listed).collect())
    }

    pub(super) async fn is_live(
        &self,
        tx: &impl Queries,
        session: SessionId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> db::Result<bool> {
        let all = self.redis.list_sessions(user).await?;
        let Some((epoch, ended)) = elsewhere::find_epoch(tx, user, &[session]).await? else {
            return Ok(false);
        };
        let kept = all.iter().find(|kept| kept.listed.id == session);
        Ok(kept.is_some_and(|kept| goes_on(kept, epoch, now)) && !ended.contains(&session.0))
    }

    pub(super) async fn purge(&self, now: DateTime<Utc>) -> db::Result<u64> {
        let db = self.database.client().await?;
        let left_behind = elsewhere::revoke_left_behind(&db, now, BATCH).await?;
        let forgotten = elsewhere::delete_ended(&db, now - FORGOTTEN_AFTER, BATCH).await?;
        Ok(left_behind + forgotten)
    }
}

fn ids(all: &[Kept]) -> Vec<SessionId> {
    all.iter().map(|kept| kept.listed.id).collect()
}

fn goes_on(kept: &Kept, epoch: i64, now: DateTime<Utc>) -> bool {
    let listed = &kept.listed;
    kept.revoked_reason.is_none()
        && kept.epoch == epoch
        && listed.idle_expires_at > now
        && listed.absolute_expires_at > now
}
