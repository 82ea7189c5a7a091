//! Sessions in Redis, one script for each question.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use redis::Script;
use uuid::Uuid;

use super::Redis;
use crate::{
    db::{
        DbError, Result,
        secrets::{Renewal, Rotated, Visit},
        sessions::NewSession,
    },
    domain::{
        ids::{SessionId, UserId},
        rotation::{ROTATION_INTERVAL, Shown, Which},
        session::{Listed, REASON_TOO_MANY},
    },
};

/// Ended sessions are kept this long after their last possible day, so that users can be told.
const KEPT_AFTER_END: TimeDelta = TimeDelta::days(7);

/// A session as Redis has it: who its user is by now, only PostgreSQL knows.
pub struct Kept {
    /// Whose.
    pub user: UserId,
    /// In which of their epochs.
    pub epoch: i64,
    /// Why it was ended, as far as Redis remembers.
    pub revoked_reason: Option<String>,
    /// The last proof of the password.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// What its forms carry.
    pub csrf_token: String,
    /// All that its user may see of it.
    pub listed: Listed,
    secret: String,
    previous: Option<String>,
    rotated_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
}

impl Kept {
    /// How the secret of this hash stands to the session that was found by it.
    pub fn shown(&self, secret_hash: &[u8; 32]) -> Shown {
        let shown = hex(secret_hash);
        let which = if self.secret == shown {
            Which::Present
        } else if self.previous.as_ref() == Some(&shown) {
            Which::Previous
        } else {
            Which::Past
        };
        Shown {
            hash: *secret_hash,
            which,
            rotated_at: self.rotated_at,
            used_at: self.used_at,
        }
    }
}

/// The fields of a session, in the order in which they are asked for.
const FIELDS: [&str; 17] = [
    "user_id",
    "epoch",
    "revoked_reason",
    "confirmed_at",
    "csrf_token",
    "created_at",
    "last_seen_at",
    "idle_expires_at",
    "absolute_expires_at",
    "remembered",
    "ip",
    "country",
    "user_agent",
    "secret",
    "previous",
    "rotated_at",
    "used_at",
];

macro_rules! script {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!($file)));
    };
}

script!(FIND, "find.lua");
script!(INSERT, "insert.lua");
script!(TOUCH, "touch.lua");
script!(ROTATE, "rotate.lua");
script!(RENEW, "renew.lua");
script!(REVOKE, "revoke.lua");
script!(LIST, "list.lua");

impl Redis {
    /// The session that has, or has had, the secret of this hash. One round trip.
    pub async fn find_session(&self, secret_hash: &[u8; 32]) -> Result<Option<Kept>> {
        let mut call = FIND.key(secret_key(&hex(secret_hash)));
        call.arg(&FIELDS);
        let found: Option<Vec<Option<String>>> = self.run(&call).await?;
        found.map(kept).transpose()
    }

    /// Begins a session of `user`; the idlest make room until `keep` are left beside it. Those that
    /// were ended for it.
    pub async fn insert_session(
        &self,
        user: UserId,
        new: &NewSession<'_>,
        keep: u64,
    ) -> Result<Vec<SessionId>> {
        let session = new.session;
        let forgotten_at = (session.absolute_expires_at + KEPT_AFTER_END).timestamp_millis();
        let (secret, epoch) = (hex(&new.secret_hash), new.epoch.unwrap_or_default());
        let created_at = micros(session.created_at);
        let mut call = INSERT.key(session_key(session.id));
        call.key(secret_key(&secret)).key(user_key(user));
        call.arg(session.id.to_string()).arg(created_at).arg(epoch);
        call.arg(keep).arg(REASON_TOO_MANY).arg(forgotten_at);
        call.arg("user_id").arg(user.to_string());
        call.arg("epoch").arg(epoch);
        call.arg("confirmed_at").arg(optional(session.confirmed_at));
        call.arg("csrf_token").arg(&session.csrf_token);
        call.arg("created_at").arg(created_at);
        call.arg("last_seen_at").arg(created_at);
        call.arg("idle_expires_at")
            .arg(micros(session.idle_expires_at));
        call.arg("absolute_expires_at")
            .arg(micros(session.absolute_expires_at));
        call.arg("remembered").arg(u8::from(session.remembered));
        call.arg("ip").arg(new.from.ip);
        call.arg("country")
            .arg(new.from.country.unwrap_or_default());
        call.arg("user_agent").arg(new.from.user_agent);
        call.arg("secret").arg(&secret).arg("previous").arg("");
        call.arg("rotated_at").arg(created_at);
        call.arg("used_at").arg(created_at);
        call.arg("forgotten_at").arg(forgotten_at);
        let ended: Vec<String> = self.run(&call).await?;
        ended.iter().map(|id| session_id(id)).collect()
    }

    /// Notes a request; false when the session was ended, nothing when there is none.
    pub async fn update_last_seen(&self, visit: &Visit<'_>) -> Result<Option<bool>> {
        let Some(user) = visit.user else {
            return Ok(None);
        };
        let mut call = TOUCH.key(session_key(visit.session));
        call.key(user_key(user));
        call.arg(visit.session.to_string()).arg(hex(visit.shown));
        call.arg(micros(visit.now))
            .arg(micros(visit.idle_expires_at));
        call.arg(visit.from.ip).arg(visit.from.user_agent);
        call.arg(visit.from.country.unwrap_or_default());
        let answer: i64 = self.run(&call).await?;
        Ok((answer >= 0).then_some(answer == 1))
    }

    /// Replaces the secret that was shown, unless another request has just done so: of any number
    /// one wins.
    pub async fn rotate_secret(
        &self,
        visit: &Visit<'_>,
        secret_hash: &[u8; 32],
    ) -> Result<Rotated> {
        let Some(user) = visit.user else {
            return Ok(Rotated::Gone);
        };
        let secret = hex(secret_hash);
        let mut call = ROTATE.key(session_key(visit.session));
        call.key(user_key(user)).key(secret_key(&secret));
        call.arg(visit.session.to_string()).arg(hex(visit.shown));
        call.arg(&secret).arg(micros(visit.now));
        call.arg(micros(visit.idle_expires_at));
        call.arg(visit.from.ip).arg(visit.from.user_agent);
        call.arg(visit.from.country.unwrap_or_default());
        call.arg(micros(visit.now - ROTATION_INTERVAL));
        let answer: i64 = self.run(&call).await?;
        Ok(match answer {
            1 => Rotated::Won,
            0 => Rotated::Lost,
            _ => Rotated::Gone,
        })
    }

    /// Lets a session go on under a new secret and in `epoch`; false when it was ended meanwhile.
    pub async fn renew_secret(&self, renewal: &Renewal<'_>, epoch: i64) -> Result<bool> {
        let secret = hex(renewal.secret_hash);
        let mut call = RENEW.key(session_key(renewal.session));
        call.key(secret_key(&secret));
        call.arg(renewal.session.to_string()).arg(&secret);
        call.arg(renewal.csrf_token).arg(renewal.epoch).arg(epoch);
        call.arg(optional(renewal.confirmed_at));
        call.arg(micros(renewal.now));
        let answer: i64 = self.run(&call).await?;
        Ok(answer == 1)
    }

    /// Ends those of `sessions` that are of `owner`; how many went on until now.
    pub async fn revoke_sessions(
        &self,
        sessions: &[SessionId],
        owner: UserId,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        let mut call = REVOKE.prepare_invoke();
        for session in sessions {
            call.key(session_key(*session));
        }
        call.arg(owner.to_string()).arg(micros(now)).arg(reason);
        self.run(&call).await
    }

    /// The sessions of a user, ended ones too, the last used first.
    pub async fn list_sessions(&self, user: UserId) -> Result<Vec<Kept>> {
        let mut call = LIST.key(user_key(user));
        call.arg(&FIELDS);
        let found: Vec<Vec<Option<String>>> = self.run(&call).await?;
        found.into_iter().map(kept).collect()
    }
}

fn session_key(session: SessionId) -> String {
    format!("claimcheck:session:{session}")
}

fn secret_key(hash: &str) -> String {
    format!("claimcheck:secret:{hash}")
}

fn user_key(user: UserId) -> String {
    format!("claimcheck:user:{user}")
}

fn hex(hash: &[u8; 32]) -> String {
    use std::fmt::Write;

    let mut text = String::with_capacity(64);
    for byte in hash {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

fn optional(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| micros(at).to_string()).unwrap_or_default()
}

fn session_id(text: &str) -> Result<SessionId> {
    let id = Uuid::parse_str(text).map_err(|_| impossible("id"))?;
    Ok(SessionId(id))
}

fn impossible(column: &'static str) -> DbError {
    DbError::Inconsistent {
        table: "claimcheck:session",
        column,
    }
}

/// A session from its id and [`FIELDS`].
fn kept(values: Vec<Option<String>>) -> Result<Kept> {
    let mut values = values.into_iter();
    let mut next = |name| values.next().ok_or_else(|| impossible(name));
    let id = next("id")?.ok_or_else(|| impossible("id"))?;
    let mut fields = Vec::with_capacity(FIELDS.len());
    for name in FIELDS {
        fields.push((name, next(name)?));
    }
    let mut fields = Fields(fields);
    Ok(Kept {
        user: UserId(Uuid::parse_str(&fields.text("user_id")?).map_err(|_| impossible("user_id"))?),
        epoch: fields.number("epoch")?,
        revoked_reason: fields.take("revoked_reason"),
        confirmed_at: fields.instant_if_any("confirmed_at")?,
        csrf_token: fields.text("csrf_token")?,
        listed: Listed {
            id: session_id(&id)?,
            created_at: fields.instant("created_at")?,
            last_seen_at: fields.instant("last_seen_at")?,
            idle_expires_at: fields.instant("idle_expires_at")?,
            absolute_expires_at: fields.instant("absolute_expires_at")?,
            remembered: fields.text("remembered")? == "1",
            ip: fields.text("ip")?,
            country: fields.take("country").filter(|country| !country.is_empty()),
            user_agent: fields.text("user_agent")?,
        },
        secret: fields.text("secret")?,
        previous: fields.take("previous").filter(|hash| !hash.is_empty()),
        rotated_at: fields.instant("rotated_at")?,
        used_at: fields.instant_if_any("used_at")?,
    })
}

struct Fields(Vec<(&'static str, Option<String>)>);

impl Fields {
    fn take(&mut self, name: &str) -> Option<String> {
        let field = self.0.iter_mut().find(|(field, _)| *field == name)?;
        field.1.take()
    }

    fn text(&mut self, name: &'static str) -> Result<String> {
        self.take(name).ok_or_else(|| impossible(name))
    }

    fn number(&mut self, name: &'static str) -> Result<i64> {
        self.text(name)?.parse().map_err(|_| impossible(name))
    }

    fn instant(&mut self, name: &'static str) -> Result<DateTime<Utc>> {
        self.instant_if_any(name)?.ok_or_else(|| impossible(name))
    }

    fn instant_if_any(&mut self, name: &'static str) -> Result<Option<DateTime<Utc>>> {
        let text = self.text(name)?;
        if text.is_empty() {
            return Ok(None);
        }
        let micros = text.parse().map_err(|_| impossible(name))?;
        let at = DateTime::from_timestamp_micros(micros).ok_or_else(|| impossible(name))?;
        Ok(Some(at))
    }
}
