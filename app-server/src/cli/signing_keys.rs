//! `keys …`: the folder of signing keys.

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use shared::clock::Clock;

use super::say;
use crate::keys::{
    folder::Folder,
    schedule::{FADES, Phase, Turn},
};

/// Makes a key; its name is all that standard output gets, for scripts.
pub(super) fn generate(folder: &Folder, clock: &Clock) -> anyhow::Result<()> {
    let kid = folder.generate(clock.now()).context("KEYS_DIR")?;
    say(&kid)
}

/// One line for each key: name, phase, what comes next.
pub(super) fn list(folder: &Folder, clock: &Clock) -> anyhow::Result<()> {
    for (turn, phase) in folder.list(clock.now()).context("KEYS_DIR")? {
        say(&line(&turn, phase))?;
    }
    Ok(())
}

/// Ends a key and names the one that signs.
pub(super) fn retire(folder: &Folder, kid: &str, clock: &Clock) -> anyhow::Result<()> {
    let signing = folder
        .retire(kid, clock.now())
        .with_context(|| format!("{kid} stays"))?;
    say(&format!("{kid} is retired; {signing} signs"))
}

fn line(turn: &Turn, phase: Phase) -> String {
    let moment = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let gone_at = turn
        .stops_at
        .map(|stops_at| moment(stops_at + FADES))
        .unwrap_or_default();
    let state = match phase {
        Phase::Announced => format!("announced  signs from {}", moment(turn.signs_from)),
        Phase::Signing => match turn.stops_at {
            Some(stops_at) => format!("signing    until {}", moment(stops_at)),
            None => "signing    until a newer key does".to_owned(),
        },
        Phase::Fading => format!("fading     published until {gone_at}"),
        Phase::Over => format!("over       since {gone_at}; its file may be deleted"),
    };
    format!("{}  created {}  {state}", turn.kid, moment(turn.created_at))
}
