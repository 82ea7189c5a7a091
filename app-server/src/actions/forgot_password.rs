//! Asking for a link to set a new password.

use std::net::IpAddr;

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::{
    audit::{self, Entry},
    sessions::Origin,
};
use crate::{
    db::{
        addresses,
        audit::{Lately, count_events_from},
        outbox::{NewMail, count_mails, insert_mail},
    },
    domain::{audit::Event, email::email_key, ids::UserId, mail::Letter},
    error::AppError,
    state::AppState,
};

/// Over this much time the letters of an account and the questions of a network are counted.
pub(super) const WINDOW: TimeDelta = TimeDelta::hours(1);

/// Letters of one kind an account is written in [`WINDOW`].
pub(super) const PER_ACCOUNT: i64 = 3;

/// Links that may be asked for from one network in [`WINDOW`], for whatever accounts.
const PER_NETWORK: i64 = 20;

/// Puts a letter into the outbox, if there is an account of this address and it had not enough.
///
/// Whether there is one shows nowhere: the same questions are asked and a row of the audit log is
/// written in either case, and the letter leaves later.
///
/// # Errors
/// [`AppError::TooMany`] for the network, whatever the address.
pub async fn ask(state: &AppState, email: &str, origin: &Origin) -> Result<(), AppError> {
    let now = state.clock.now();
    let network = network(&origin.ip);
    let event = Event::PasswordResetAsked;

    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let lately = count_events_from(&tx, &network, event, now - WINDOW).await?;
    enough(&lately, PER_NETWORK, now)?;
    let key = email_key(email).replace('\0', "");
    let account = addresses::lock_account_at(&tx, &key).await?;
    let user = account.as_ref().map(|account| account.id);
    let counted = user.unwrap_or(UserId(Uuid::nil()));
    let n_letters = count_mails(&tx, counted, Letter::ResetPassword, now - WINDOW).await?;
    let open = account.filter(|account| !account.is_closed && n_letters < PER_ACCOUNT);
    if let Some(account) = open {
        let letter = NewMail {
            letter: Letter::ResetPassword,
            user: account.id,
            recipient: &account.email,
            session: None,
            at: now,
        };
        insert_mail(&tx, &letter).await?;
    }
    let entry = Entry {
        event,
        user,
        actor: None,
        session: None,
        origin,
        details: json!({ "network": network }),
    };
    audit::record(&tx, now, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// Refuses what would be more than `most` in [`WINDOW`].
pub(super) fn enough(
    lately: &Lately,
    most: i64,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), AppError> {
    if lately.n < most {
        return Ok(());
    }
    let free_at = lately.first_at.unwrap_or(now) + WINDOW;
    let retry_after = (free_at - now).to_std().unwrap_or_default();
    Err(AppError::TooMany {
        retry_after: retry_after.max(std::time::Duration::from_secs(1)),
    })
}

/// What is one network to us: an IPv4 address, or the /64 a household is given.
fn network(ip: &str) -> String {
    match ip.parse() {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(IpAddr::V4(_)) | Err(_) => ip.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_is_one_network() {
        assert_eq!(network("203.0.113.7"), "203.0.113.7");
        assert_eq!(network("2001:db8:0:1::7"), network("2001:db8:0:1:ffff::9"));
        assert_ne!(network("2001:db8:0:1::7"), network("2001:db8:0:2::7"));
    }
}
