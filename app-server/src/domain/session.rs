//! Sessions: who a cookie stands for, and until when.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    ids::{SessionId, UserId},
    user::User,
};

/// A row of `sessions` with its user, as one query finds it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Session {
    /// Public identifier.
    pub id: SessionId,
    /// Nobody, for a visitor with a cart.
    pub user: Option<User>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// The last request, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends without another request.
    pub idle_expires_at: DateTime<Utc>,
    /// When it ends in any case.
    pub absolute_expires_at: DateTime<Utc>,
    /// Kept when the browser closes.
    pub remembered: bool,
    /// The last proof of the password.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// What forms carry.
    pub csrf_token: String,
}

impl Session {
    /// Whose it is.
    pub fn user_id(&self) -> Option<UserId> {
        self.user.as_ref().map(|user| user.id)
    }
}

/// A session as its user sees it in the list of theirs.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Public identifier.
    pub id: SessionId,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// The last request, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends without another request.
    pub idle_expires_at: DateTime<Utc>,
    /// When it ends in any case.
    pub absolute_expires_at: DateTime<Utc>,
    /// Kept when the browser closes.
    pub remembered: bool,
    /// Where it was last used from.
    pub ip: String,
    /// Two letters, as far as a database of countries knows.
    pub country: Option<String>,
    /// `User-Agent`, as sent.
    pub user_agent: String,
}

/// What the proof of the password that begins a session is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Also for what is sensitive, for as long as any proof is.
    Full,
    /// Only for signing in: before anything sensitive the password is asked for again.
    SignInOnly,
}

/// What is known beside the session when it is judged.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Why it was ended, if it was.
    pub revoked_reason: Option<String>,
    /// The epoch in which it began; the user's present one.
    pub epochs: Option<(i64, i64)>,
    /// The account is disabled.
    pub disabled: bool,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Ended {
    /// Ended by its user, or by a newer sign-in in the same browser.
    SignedOut,
    /// The password changed, or the user ended all sessions, or an operator did.
    Revoked,
    /// Idle for too long, or too old.
    Expired,
    /// A secret was shown that it had left behind: its cookie had been copied.
    Stolen,
}

/// Why `session` is over at `now`; nothing when it is good.
pub fn ended(session: &Session, standing: &Standing, now: DateTime<Utc>) -> Option<Ended> {
    if let Some(reason) = &standing.revoked_reason {
        return Some(match reason.as_str() {
            REASON_SIGNED_OUT => Ended::SignedOut,
            REASON_STOLEN => Ended::Stolen,
            _ => Ended::Revoked,
        });
    }
    if standing.disabled
        || standing
            .epochs
            .is_some_and(|(begun, present)| begun != present)
    {
        return Some(Ended::Revoked);
    }
    let over = session.idle_expires_at <= now || session.absolute_expires_at <= now;
    over.then_some(Ended::Expired)
}

/// How long a proof of the password opens what is sensitive; signing in is one.
pub const PROOF: TimeDelta = TimeDelta::minutes(10);

/// `sessions.revoked_reason` of a session its own user ended.
pub const REASON_SIGNED_OUT: &str = "signed_out";

/// `sessions.revoked_reason` of a session whose copied cookie was used.
pub const REASON_STOLEN: &str = "stolen";

/// `sessions.revoked_reason` of a session that its user ended from another one.
pub const REASON_ENDED: &str = "ended";

/// `sessions.revoked_reason` of a session that made room for a newer one.
pub const REASON_TOO_MANY: &str = "too_many";

/// `last_seen_at` is written at most this often.
pub const TOUCH_INTERVAL: TimeDelta = TimeDelta::seconds(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn session(now: DateTime<Utc>) -> Session {
        Session {
            id: SessionId::generate(now),
            user: None,
            created_at: now,
            last_seen_at: now,
            idle_expires_at: now + TimeDelta::hours(2),
            absolute_expires_at: now + TimeDelta::hours(24),
            remembered: false,
            confirmed_at: None,
            csrf_token: String::new(),
        }
    }

    const GOOD: Standing = Standing {
        revoked_reason: None,
        epochs: Some((3, 3)),
        disabled: false,
    };

    #[test]
    fn a_session_ends_at_the_very_moment_of_either_expiry() {
        let now = DateTime::UNIX_EPOCH;
        let mut session = session(now);
        let idle = now + TimeDelta::hours(2);

        assert_eq!(
            ended(&session, &GOOD, idle - TimeDelta::microseconds(1)),
            None
        );
        assert_eq!(ended(&session, &GOOD, idle), Some(Ended::Expired));
        session.idle_expires_at = now + TimeDelta::days(9);
        assert_eq!(
            ended(&session, &GOOD, now + TimeDelta::hours(24)),
            Some(Ended::Expired)
        );
    }

    #[test]
    fn revocation_epoch_and_disabling_end_a_session_at_once() {
        let now = DateTime::UNIX_EPOCH;
        let session = session(now);
        for standing in [
            Standing {
                epochs: Some((3, 4)),
                ..GOOD
            },
            Standing {
                disabled: true,
                ..GOOD
            },
            Standing {
                revoked_reason: Some(REASON_TOO_MANY.to_owned()),
                ..GOOD
            },
        ] {
            assert_eq!(
                ended(&session, &standing, now),
                Some(Ended::Revoked),
                "{standing:?}"
            );
        }
        for (reason, expected) in [
            (REASON_SIGNED_OUT, Ended::SignedOut),
            (REASON_STOLEN, Ended::Stolen),
            (REASON_ENDED, Ended::Revoked),
        ] {
            let standing = Standing {
                revoked_reason: Some(reason.to_owned()),
                ..GOOD
            };
            assert_eq!(ended(&session, &standing, now), Some(expected), "{reason}");
        }
    }
}
