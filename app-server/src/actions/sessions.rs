//! The one way to sessions: whatever store stands behind, nobody goes around it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared::clock::Clock;

use crate::{
    config::{Config, Lifetime, Lifetimes},
    db::{
        self, Database, Queries,
        sessions::{self as store, NewSession},
    },
    domain::{
        ids::SessionId,
        secret::SessionSecret,
        session::{self, Ended, REASON_SIGNED_OUT, REASON_TOO_MANY, Session, TOUCH_INTERVAL},
        user::{Role, User},
    },
    error::AppError,
};

/// Visitors' rows end this long after they began; until then, only by idleness.
///
/// RFC 6265bis §5.5 lets no cookie live longer.
const ANONYMOUS_ABSOLUTE: Duration = Duration::from_hours(400 * 24);

/// Longer user agents are cut when stored.
const MAX_USER_AGENT_CHARS: usize = 400;

/// The one way to sessions.
#[derive(Clone)]
pub struct Sessions {
    database: Database,
    clock: Clock,
    lifetimes: Lifetimes,
    per_user: u64,
    anonymous_per_address: u64,
}

/// Where a session is begun from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client's address, as believed.
    pub ip: String,
    /// `User-Agent`, as sent.
    pub user_agent: String,
}

impl Origin {
    /// What an operator does on the machine itself.
    pub fn command_line() -> Self {
        Self {
            ip: "local".to_owned(),
            user_agent: "command line".to_owned(),
        }
    }

    /// As the database keeps it: PostgreSQL's text holds no NUL, and nobody's table a novel.
    pub(super) fn stored(&self) -> Self {
        let user_agent = self.user_agent.chars().filter(|c| *c != '\0');
        Self {
            ip: self.ip.clone(),
            user_agent: user_agent.take(MAX_USER_AGENT_CHARS).collect(),
        }
    }
}

/// A session that has just begun, and the one time its secret is known.
pub struct Begun {
    /// The session.
    pub session: Session,
    /// What the cookie will hold.
    pub secret: SessionSecret,
}

/// What a cookie's secret stands for.
pub enum Found {
    /// A session that goes on.
    Live(Box<Session>),
    /// One that is over.
    Ended(Ended),
    /// Nothing was kept under it.
    Nothing,
}

/// What became of a session while its request was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// It goes on.
    Kept,
    /// It was ended meanwhile.
    Gone,
}

impl Sessions {
    /// Sessions kept in PostgreSQL.
    pub fn new(database: Database, clock: Clock, config: &Config) -> Self {
        Self {
            database,
            clock,
            lifetimes: config.lifetimes,
            per_user: config.sessions_per_user,
            anonymous_per_address: config.anonymous_per_address,
        }
    }

    /// What `secret` stands for now. One round trip.
    ///
    /// # Errors
    /// The database does not answer: that is never "signed out".
    pub async fn find(&self, secret: &SessionSecret) -> db::Result<Found> {
        let db = self.database.client().await?;
        let Some((session, standing)) = store::find_session(&db, &secret.hash()).await? else {
            return Ok(Found::Nothing);
        };
        Ok(
            match session::ended(&session, &standing, self.clock.now()) {
                None => Found::Live(Box::new(session)),
                Some(ended) => Found::Ended(ended),
            },
        )
    }

    /// Notes that the session was used, at most once a minute.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn touch(&self, session: &Session) -> db::Result<Refreshed> {
        let now = self.clock.now();
        if now - session.last_seen_at < TOUCH_INTERVAL {
            return Ok(Refreshed::Kept);
        }
        let idle = self
            .lifetime(session.user.as_ref(), session.remembered)
            .idle;
        let idle_expires_at = (now + delta(idle)).min(session.absolute_expires_at);
        let db = self.database.client().await?;
        let kept = store::update_last_seen(&db, session.id, now, idle_expires_at).await?;
        Ok(if kept {
            Refreshed::Kept
        } else {
            Refreshed::Gone
        })
    }

    /// Begins a session of `user` within the caller's transaction; the idlest makes room.
    ///
    /// The caller holds the user's row locked and knows its `epoch`.
    ///
    /// # Errors
    /// The database's, or the generator's.
    pub async fn begin(
        &self,
        tx: &impl Queries,
        user: &User,
        epoch: i64,
        remembered: bool,
        origin: &Origin,
    ) -> Result<Begun, AppError> {
        let now = self.clock.now();
        let keep = i64::try_from(self.per_user - 1).unwrap_or(i64::MAX);
        store::revoke_idlest(tx, user.id, keep, REASON_TOO_MANY, now).await?;
        let secret = SessionSecret::generate().map_err(AppError::internal)?;
        let csrf_token = new_csrf_token()?;
        let session = self.new_session(Some(user.clone()), remembered, csrf_token, now);
        insert(tx, &session, &secret, Some(epoch), origin).await?;
        Ok(Begun { session, secret })
    }

    /// Begins the session of a visitor who put something into a cart.
    ///
    /// `csrf_token` is the one their open forms carry: it stays good.
    ///
    /// # Errors
    /// [`AppError::TooMany`] over ANONYMOUS_PER_ADDRESS.
    pub async fn begin_anonymous(
        &self,
        csrf_token: &str,
        origin: &Origin,
    ) -> Result<Begun, AppError> {
        let now = self.clock.now();
        let window = TimeDelta::hours(1);
        let db = self.database.client().await?;
        let (begun, first_at) = store::count_anonymous(&db, &origin.ip, now - window).await?;
        if u64::try_from(begun).unwrap_or_default() >= self.anonymous_per_address {
            let free_at = first_at.unwrap_or(now) + window;
            let retry_after = (free_at - now).to_std().unwrap_or_default();
            return Err(AppError::TooMany {
                retry_after: retry_after.max(Duration::from_secs(1)),
            });
        }
        let secret = SessionSecret::generate().map_err(AppError::internal)?;
        let session = self.new_session(None, false, csrf_token.to_owned(), now);
        insert(&db, &session, &secret, None, origin).await?;
        Ok(Begun { session, secret })
    }

    /// Lets `session`, of its user's `epoch`, go on in the one that was begun, under a new secret.
    ///
    /// # Errors
    /// [`AppError::SignInRequired`] when it was ended meanwhile.
    pub async fn renew(
        &self,
        tx: &impl Queries,
        session: &Session,
        epoch: i64,
    ) -> Result<Begun, AppError> {
        let csrf_token = new_csrf_token()?;
        self.replace_secret(tx, session, epoch, csrf_token).await
    }

    /// As [`Self::renew`], but forms that are open stay good.
    ///
    /// # Errors
    /// [`AppError::SignInRequired`] when it was ended meanwhile.
    pub async fn confirm(
        &self,
        tx: &impl Queries,
        session: &Session,
        epoch: i64,
    ) -> Result<Begun, AppError> {
        let csrf_token = session.csrf_token.clone();
        self.replace_secret(tx, session, epoch, csrf_token).await
    }

    async fn replace_secret(
        &self,
        tx: &impl Queries,
        session: &Session,
        epoch: i64,
        csrf_token: String,
    ) -> Result<Begun, AppError> {
        let secret = SessionSecret::generate().map_err(AppError::internal)?;
        let session = Session {
            csrf_token,
            ..session.clone()
        };
        let now = self.clock.now();
        let renewed = store::update_secret(
            tx,
            session.id,
            &secret.hash(),
            &session.csrf_token,
            epoch,
            now,
        )
        .await?;
        if renewed {
            Ok(Begun { session, secret })
        } else {
            Err(AppError::SignInRequired)
        }
    }

    /// Ends a session because its user signed out.
    ///
    /// # Errors
    /// The database does not answer: the session goes on, and the user must be told.
    pub async fn sign_out(&self, session: SessionId) -> db::Result<()> {
        let db = self.database.client().await?;
        store::revoke_session(&db, session, REASON_SIGNED_OUT, self.clock.now()).await
    }

    fn lifetime(&self, user: Option<&User>, remembered: bool) -> Lifetime {
        let anonymous = Lifetime {
            idle: self.lifetimes.anonymous,
            absolute: ANONYMOUS_ABSOLUTE,
        };
        match user {
            None => anonymous,
            Some(user) if user.role == Role::Admin => self.lifetimes.admin,
            Some(_) if remembered => self.lifetimes.remembered,
            Some(_) => self.lifetimes.browser,
        }
    }

    fn new_session(
        &self,
        user: Option<User>,
        remembered: bool,
        csrf_token: String,
        now: DateTime<Utc>,
    ) -> Session {
        let lifetime = self.lifetime(user.as_ref(), remembered);
        let absolute_expires_at = now + delta(lifetime.absolute);
        Session {
            id: SessionId::generate(now),
            confirmed_at: user.as_ref().map(|_| now),
            user,
            created_at: now,
            last_seen_at: now,
            idle_expires_at: (now + delta(lifetime.idle)).min(absolute_expires_at),
            absolute_expires_at,
            remembered,
            csrf_token,
        }
    }
}

fn new_csrf_token() -> Result<String, AppError> {
    Ok(SessionSecret::generate()
        .map_err(AppError::internal)?
        .expose()
        .to_owned())
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

async fn insert(
    db: &impl Queries,
    session: &Session,
    secret: &SessionSecret,
    epoch: Option<i64>,
    origin: &Origin,
) -> db::Result<()> {
    let origin = origin.stored();
    let new = NewSession {
        session,
        secret_hash: secret.hash(),
        epoch,
        ip: &origin.ip,
        user_agent: &origin.user_agent,
    };
    store::insert_session(db, &new).await
}
