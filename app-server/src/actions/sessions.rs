//! The one way to sessions: whatever store stands behind, nobody goes around it.

mod ending;
mod going_on;
mod origin;
pub mod store;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use shared::clock::Clock;

use self::store::Store;
use crate::{
    config::{Config, Lifetime, Lifetimes},
    db::{
        self, Database, Queries,
        secrets::{Rotated, Visit},
        sessions::{self, NewSession},
    },
    domain::{
        device::DeviceSecret,
        ids::{SessionId, UserId},
        rotation::Shown,
        secret::SessionSecret,
        session::{self, Ended, Listed, Proof, Session, TOUCH_INTERVAL},
        user::{Role, User},
    },
    error::AppError,
};

pub use origin::Origin;

/// Visitors' rows end this long after they began; until then, only by idleness.
///
/// RFC 6265bis §5.5 lets no cookie live longer.
const ANONYMOUS_ABSOLUTE: Duration = Duration::from_hours(400 * 24);

/// The one way to sessions.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    database: Database,
    clock: Clock,
    lifetimes: Lifetimes,
    per_user: u64,
    anonymous_per_address: u64,
}

/// A session that has just begun, and the one time its secret is known.
pub struct Begun {
    /// The session.
    pub session: Session,
    /// What the cookie will hold.
    pub secret: SessionSecret,
    /// What the device cookie will hold, where the browser is known from now on.
    pub device: Option<DeviceSecret>,
}

/// A session that goes on, and the secret that led to it.
#[derive(Clone)]
pub struct Live {
    /// The session.
    pub session: Arc<Session>,
    /// Its secret that was shown.
    pub shown: Shown,
}

/// What a cookie's secret stands for.
pub enum Found {
    /// A session that goes on.
    Live(Live),
    /// A session that goes on, but not under this secret, which it left behind: a copied cookie.
    Late(Box<Session>),
    /// One that is over.
    Ended(Ended),
    /// Nothing was kept under it.
    Nothing,
}

/// How a request counts for its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// As use: the time of idleness begins anew.
    Use,
    /// As use by somebody who will see the answer: the secret may be replaced with it.
    Navigation,
}

/// What became of a session while its request was served.
pub enum Refreshed {
    /// It goes on.
    Kept,
    /// It goes on under a new secret, which the answer must carry.
    Rotated(Box<Begun>),
    /// It was ended meanwhile.
    Gone,
}

impl Sessions {
    /// Sessions kept where `config` says.
    ///
    /// # Errors
    /// SESSION_STORE does not parse.
    pub fn new(database: Database, clock: Clock, config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            store: Store::open(config.session_store.as_ref(), &database)?,
            database,
            clock,
            lifetimes: config.lifetimes,
            per_user: config.sessions_per_user,
            anonymous_per_address: config.anonymous_per_address,
        })
    }

    /// What `secret` stands for now. One round trip.
    ///
    /// # Errors
    /// The database does not answer: that is never "signed out".
    pub async fn find(&self, secret: &SessionSecret) -> db::Result<Found> {
        let Some(found) = self.store.find(&secret.hash()).await? else {
            return Ok(Found::Nothing);
        };
        let now = self.clock.now();
        if let Some(ended) = session::ended(&found.session, &found.standing, now) {
            return Ok(Found::Ended(ended));
        }
        let session = found.session;
        Ok(if found.shown.is_late(now) {
            Found::Late(Box::new(session))
        } else {
            let shown = found.shown;
            Found::Live(Live {
                session: Arc::new(session),
                shown,
            })
        })
    }

    /// Notes that the session was used, at most once a minute, and replaces its secret when it is
    /// time.
    ///
    /// Called after the handler, so that a session it ended stays ended.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn refresh(
        &self,
        live: &Live,
        activity: Activity,
        origin: impl FnOnce() -> Origin,
    ) -> Result<Refreshed, AppError> {
        let Live { session, shown } = live;
        let now = self.clock.now();
        let rotates =
            activity == Activity::Navigation && session.user.is_some() && shown.is_due(now);
        let is_new = shown.is_first_use() || now - session.last_seen_at >= TOUCH_INTERVAL;
        if !rotates && !is_new {
            return Ok(Refreshed::Kept);
        }
        let lifetime = self.lifetime(session.user.as_ref(), session.remembered);
        let origin = origin().stored();
        let visit = Visit {
            session: session.id,
            user: session.user_id(),
            shown: &shown.hash,
            now,
            idle_expires_at: (now + delta(lifetime.idle)).min(session.absolute_expires_at),
            from: origin.place(),
        };
        if rotates {
            return self.rotate(session, &visit).await;
        }
        let kept = self.store.touch(&visit).await?;
        Ok(if kept {
            Refreshed::Kept
        } else {
            Refreshed::Gone
        })
    }

    async fn rotate(&self, session: &Session, visit: &Visit<'_>) -> Result<Refreshed, AppError> {
        let secret = SessionSecret::generate().map_err(AppError::internal)?;
        Ok(match self.store.rotate(visit, &secret.hash()).await? {
            Rotated::Won => Refreshed::Rotated(Box::new(Begun {
                session: session.clone(),
                secret,
                device: None,
            })),
            Rotated::Lost => Refreshed::Kept,
            Rotated::Gone => Refreshed::Gone,
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
        proof: Proof,
        origin: &Origin,
    ) -> Result<Begun, AppError> {
        let now = self.clock.now();
        let secret = SessionSecret::generate().map_err(AppError::internal)?;
        let csrf_token = new_csrf_token()?;
        let mut session = self.new_session(Some(user.clone()), remembered, csrf_token, now);
        if proof == Proof::SignInOnly {
            session.confirmed_at = None;
        }
        let origin = origin.stored();
        let new = NewSession {
            session: &session,
            secret_hash: secret.hash(),
            epoch: Some(epoch),
            from: origin.place(),
        };
        self.store.insert(tx, user.id, &new, self.per_user).await?;
        Ok(Begun {
            session,
            secret,
            device: None,
        })
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
        let (begun, first_at) = sessions::count_anonymous(&db, &origin.ip, now - window).await?;
        if u64::try_from(begun).unwrap_or_default() >= self.anonymous_per_address {
            let free_at = first_at.unwrap_or(now) + window;
            let retry_after = (free_at - now).to_std().unwrap_or_default();
            return Err(AppError::TooMany {
                retry_after: retry_after.max(Duration::from_secs(1)),
            });
        }
        let secret = SessionSecret::generate().map_err(AppError::internal)?;
        let session = self.new_session(None, false, csrf_token.to_owned(), now);
        let origin = origin.stored();
        let new = NewSession {
            session: &session,
            secret_hash: secret.hash(),
            epoch: None,
            from: origin.place(),
        };
        sessions::insert_session(&db, &new).await?;
        Ok(Begun {
            session,
            secret,
            device: None,
        })
    }

    /// The sessions of `user` that go on, the last used first.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn list(&self, user: UserId) -> db::Result<Vec<Listed>> {
        self.store.list(user, self.clock.now()).await
    }

    /// Where sessions are kept, for what ends several of them in one transaction.
    pub fn store(&self) -> &Store {
        &self.store
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
