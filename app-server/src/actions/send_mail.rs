//! The worker of the outbox: takes what is due, makes its link, sends it, tries again.
//!
//! Any number of servers may work on one outbox. An attempt is counted, and the next one set,
//! before it is made: a server that dies while it sends leaves a letter that is due again later,
//! never one that is lost. Such a letter may arrive twice; each has a link of its own, and both
//! are good until one of them is used.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;

use crate::{
    db::{
        Queries,
        mail_links::{NewLink, insert_link},
        outbox::{self, DueMail},
    },
    domain::{
        email::email_key,
        mail::{Letter, LinkKind},
        secret::LinkSecret,
        user_agent,
    },
    error::AppError,
    mail::{
        message::Message,
        post::{N_CONNECTIONS, Refused},
        words::{Facts, Place, Words},
    },
    state::AppState,
};

/// Pause between two looks at the outbox: a letter leaves within about a second of its commit,
/// whichever server wrote it.
const INTERVAL: Duration = Duration::from_secs(1);

/// Pause when the database does not answer.
const INTERVAL_IN_TROUBLE: Duration = Duration::from_secs(10);

/// A letter that could not leave for this long never does.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(2);

/// Sends what is due, now and every second, for as long as it is polled.
pub async fn send_for_ever(state: &AppState) {
    let mut troubled = false;
    loop {
        match send_due(state).await {
            Ok(_) => troubled = false,
            Err(error) => {
                if !troubled {
                    tracing::warn!(%error, "the outbox cannot be read; trying again");
                }
                troubled = true;
            }
        }
        tokio::time::sleep(if troubled {
            INTERVAL_IN_TROUBLE
        } else {
            INTERVAL
        })
        .await;
    }
}

/// Sends all that is due now; the number of letters tried.
///
/// # Errors
/// The database's; what was sent before stays sent, what was being sent is tried again.
pub async fn send_due(state: &AppState) -> Result<usize, AppError> {
    // One at a time in a process: whoever asked second finds everything sent when it returns.
    let _turn = state.post.turn().await;
    let mut n_tried = 0;
    loop {
        let mut batch = Vec::new();
        while batch.len() < N_CONNECTIONS {
            match take(state).await? {
                Some(Taken::ToSend(taken)) => batch.push(taken),
                Some(Taken::Moot) => {}
                None => break,
            }
        }
        if batch.is_empty() {
            return Ok(n_tried);
        }
        n_tried += batch.len();
        for outcome in join_all(batch.into_iter().map(|taken| send(state, *taken))).await {
            outcome?;
        }
    }
}

enum Taken {
    ToSend(Box<ToSend>),
    /// It had lost its meaning.
    Moot,
}

struct ToSend {
    mail: DueMail,
    message: Message,
}

/// Takes the next letter: counts the attempt and writes down the hash of its link.
async fn take(state: &AppState) -> Result<Option<Taken>, AppError> {
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let Some(mail) = outbox::lock_due_mail(&tx, now).await? else {
        return Ok(None);
    };
    if let Some(why) = moot(&mail) {
        outbox::update_given_up(&tx, mail.id, now).await?;
        tx.commit().await?;
        tracing::info!(event = mail.letter.as_str(), mail.id = %mail.id, why, "a letter was not sent");
        return Ok(Some(Taken::Moot));
    }
    let link = match mail.letter.link() {
        // Nobody would read it.
        Some(kind) if !state.post.only_logs() => {
            Some(new_link(&tx, state, &mail, kind, now).await?)
        }
        _ => None,
    };
    outbox::update_attempt(&tx, mail.id, now + pause(mail.n_attempts)).await?;
    tx.commit().await?;

    let message = written(state, &mail, link, now)?;
    Ok(Some(Taken::ToSend(Box::new(ToSend { mail, message }))))
}

/// Why a letter has lost its meaning since it was put into the outbox.
fn moot(mail: &DueMail) -> Option<&'static str> {
    let owner = &mail.owner;
    let is_present = email_key(&mail.recipient) == owner.email_key;
    match mail.letter {
        Letter::VerifyAddress | Letter::ResetPassword | Letter::ConfirmNewAddress
            if owner.is_closed =>
        {
            Some("the account is closed")
        }
        Letter::VerifyAddress | Letter::ResetPassword if !is_present => {
            Some("the account has another address")
        }
        Letter::VerifyAddress if owner.is_verified => Some("the address is verified"),
        _ => None,
    }
}

async fn new_link(
    tx: &impl Queries,
    state: &AppState,
    mail: &DueMail,
    kind: LinkKind,
    now: DateTime<Utc>,
) -> Result<String, AppError> {
    let secret = LinkSecret::generate().map_err(AppError::internal)?;
    let new = NewLink {
        secret_hash: secret.hash(),
        mail: mail.id,
        kind,
        user: mail.owner.id,
        email_key: &email_key(&mail.recipient),
        at: now,
    };
    insert_link(tx, &new).await?;
    let path = format!("{}{}", kind.path(), secret.expose());
    Ok(state.config.app_url.join(&path))
}

fn written(
    state: &AppState,
    mail: &DueMail,
    link: Option<String>,
    now: DateTime<Utc>,
) -> Result<Message, AppError> {
    let owner = &mail.owner;
    // A name is what its owner typed: to an address that nobody has proved, it would let a stranger
    // write to a stranger in our name.
    let knows_reader = owner.is_verified && email_key(&mail.recipient) == owner.email_key;
    let words = Words::of(Facts {
        letter: mail.letter,
        name: knows_reader.then_some(owner.name.as_str()),
        at: mail.created_at,
        place: mail.session.as_ref().map(|session| Place {
            device: user_agent::known(&session.user_agent)
                .unwrap_or_else(|| user_agent::UNKNOWN.to_owned()),
            ip: session.ip.clone(),
            country: session.country.clone(),
        }),
        link,
        app_url: &state.config.app_url,
    });
    let (id, recipient) = (mail.id, mail.recipient.clone());
    let app_url = &state.config.app_url;
    Message::render(id, mail.letter, recipient, &words, app_url, now).map_err(AppError::internal)
}

async fn send(state: &AppState, ToSend { mail, message }: ToSend) -> Result<(), AppError> {
    let (event, attempt) = (mail.letter.as_str(), mail.n_attempts + 1);
    let to = recipient_kind(&mail);
    let outcome = state.post.send(message).await;
    let now = state.clock.now();
    let db = state.db().await?;
    match outcome {
        Ok(()) => {
            outbox::update_sent(&db, mail.id, now).await?;
            let what = if state.post.only_logs() {
                "a letter, had SMTP_URL been set"
            } else {
                "a letter left"
            };
            tracing::info!(event, to, mail.id = %mail.id, attempt, "{what}");
        }
        Err(Refused::ForNow(why)) if now - mail.created_at < GIVE_UP_AFTER => {
            tracing::warn!(event, to, mail.id = %mail.id, attempt, why, "a letter did not leave; it will be tried again");
        }
        Err(Refused::ForNow(why) | Refused::ForGood(why)) => {
            outbox::update_given_up(&db, mail.id, now).await?;
            tracing::error!(event, to, mail.id = %mail.id, attempt, why, "a letter was given up");
        }
    }
    Ok(())
}

/// Whose address a letter goes to: what the log may say of it.
fn recipient_kind(mail: &DueMail) -> String {
    let address = match mail.letter {
        Letter::ConfirmNewAddress => "new address",
        Letter::AddressChanged | Letter::AddressRestored => "old address",
        _ => "account's address",
    };
    format!("{}, {address}", mail.owner.role.as_str())
}

/// After the attempt with this many before it: a minute, doubling up to an hour.
fn pause(n_before: u32) -> TimeDelta {
    TimeDelta::minutes(1_i64 << n_before.min(6)).min(TimeDelta::hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_grow_apart_from_a_minute_to_an_hour() {
        let minutes: Vec<_> = (0..9).map(|n| pause(n).num_minutes()).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
