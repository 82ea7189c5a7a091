//! Whether a new delivery may begin now, and if not, why.

use std::{sync::atomic::Ordering, time::Duration};

use actix_web::rt::time::timeout;
use shared::token::DownloadToken;

use crate::{refusal::Refusal, state::State};

/// A store that takes longer than this to answer is away.
pub(crate) const STORE_DEADLINE: Duration = Duration::from_secs(4);

/// Whether `token`, which has no lease, may begin its delivery at `now`; nothing is claimed.
pub(crate) async fn may_begin(
    state: &State,
    token: &DownloadToken,
    now: i64,
) -> Result<(), Refusal> {
    if state.is_draining() {
        return Err(Refusal::Draining);
    }
    let mut reading = state.keys.current().ok_or(Refusal::NoKeys)?;
    if reading.is_stale(now) {
        let read = state.keys.read_anew().await;
        reading = state
            .keys
            .current()
            .filter(|_| read)
            .ok_or(Refusal::StaleKeys)?;
    }
    // Nobody forged anything: a clock is wrong.
    let skew = i64::from(state.config.max_clock_skew_secs);
    if reading.clocks().is_err() || token.iat > now.saturating_add(skew) {
        return Err(Refusal::Clocks);
    }
    if token.iat <= state.forgotten_until(&reading) {
        return Err(Refusal::Expired(token.fid));
    }
    let claimable = state.ledger.check(token.jti, token.exp, now);
    claimable.map_err(|unclaimed| Refusal::of_claim(unclaimed, token.fid))
}

/// Why the shop should send nobody here, if there is a reason.
pub(crate) async fn not_ready(state: &State) -> Option<String> {
    if state.is_draining() {
        return Some("draining".to_owned());
    }
    let now = state.clock.unix_secs();
    let Some(reading) = state.keys.current() else {
        return Some("the shop's keys have not been read yet".to_owned());
    };
    if reading.is_stale(now) {
        return Some("the shop's keys could not be read for an hour".to_owned());
    }
    if let Err(reason) = reading.clocks() {
        return Some(reason.to_owned());
    }
    if now <= state.forgotten_until(&reading) {
        return Some("just started: waiting until no older token can be good".to_owned());
    }
    match timeout(STORE_DEADLINE, state.store.is_empty()).await {
        Ok(Ok(false)) => {
            state.store_had_files.store(true, Ordering::Relaxed);
            None
        }
        // A new shop has none yet.
        Ok(Ok(true)) => state
            .store_had_files
            .load(Ordering::Relaxed)
            .then(|| "the file store is empty: is its disk mounted?".to_owned()),
        Ok(Err(error)) => Some(format!(
            "the file store cannot be reached: {}",
            error.kind()
        )),
        Err(_) => Some("the file store does not answer".to_owned()),
    }
}
