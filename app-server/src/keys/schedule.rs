//! When each key is published, signs, and is gone: arithmetic on dates, no files, no clock.

use chrono::{DateTime, TimeDelta, Utc};

/// A new key is published this long before it signs.
///
/// Download servers fetch the keys every 60 s and may be given an answer 60 s old.
pub const ANNOUNCED: TimeDelta = TimeDelta::seconds(120);

/// An old key stays published this long after it stopped signing.
///
/// Its last token lives up to 300 s, the delivery begun with that up to 24 h more.
pub const FADES: TimeDelta = TimeDelta::hours(25);

/// A key that was ended before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// Which key.
    pub kid: String,
    /// Since when nothing it signed is good.
    pub retired_at: DateTime<Utc>,
    /// Which key signs since then, when the retired one was signing.
    pub successor: Option<String>,
}

/// One key's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which key.
    pub kid: String,
    /// When it was made, and first published.
    pub created_at: DateTime<Utc>,
    /// When it begins to sign.
    pub signs_from: DateTime<Utc>,
    /// When a newer key begins to sign instead, if there is one.
    pub stops_at: Option<DateTime<Utc>>,
}

/// What a key is good for at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Published, so that every download server knows it once it signs.
    Announced,
    /// Signs; exactly one key does.
    Signing,
    /// Signs no more; what it signed is still good.
    Fading,
    /// Published no more.
    Over,
}

impl Turn {
    /// What the key is good for at `now`.
    pub fn phase(&self, now: DateTime<Utc>) -> Phase {
        match self.stops_at {
            Some(stops_at) if stops_at + FADES <= now => Phase::Over,
            Some(stops_at) if stops_at <= now => Phase::Fading,
            _ if self.signs_from <= now => Phase::Signing,
            _ => Phase::Announced,
        }
    }
}

/// The turns of `keys`, given with the moments they were made, oldest first.
///
/// The oldest key has always been signing, so that the very first signs at once, and so that
/// there is a key that signs whatever the clock says. Retired keys have no turn.
pub fn turns(
    keys: impl IntoIterator<Item = (String, DateTime<Utc>)>,
    retirements: &[Retirement],
) -> Vec<Turn> {
    let is_retired = |kid: &str| retirements.iter().any(|retirement| retirement.kid == kid);
    let mut keys: Vec<(DateTime<Utc>, String)> = keys
        .into_iter()
        .filter(|(kid, _)| !is_retired(kid))
        .map(|(kid, created_at)| (created_at, kid))
        .collect();
    keys.sort();

    let mut turns: Vec<Turn> = keys
        .into_iter()
        .enumerate()
        .map(|(age, (created_at, kid))| Turn {
            signs_from: match age {
                0 => DateTime::<Utc>::MIN_UTC,
                _ => succeeds_at(&kid, retirements).map_or(created_at + ANNOUNCED, |retired_at| {
                    retired_at.min(created_at + ANNOUNCED)
                }),
            },
            stops_at: None,
            kid,
            created_at,
        })
        .collect();
    let mut stops_at = None;
    for turn in turns.iter_mut().rev() {
        turn.stops_at = stops_at;
        stops_at = Some(stops_at.map_or(turn.signs_from, |next| turn.signs_from.min(next)));
    }
    turns
}

/// The earliest moment at which `kid` had to step in for a retired key.
fn succeeds_at(kid: &str, retirements: &[Retirement]) -> Option<DateTime<Utc>> {
    let steps_in = |retirement: &&Retirement| retirement.successor.as_deref() == Some(kid);
    let moments = retirements
        .iter()
        .filter(steps_in)
        .map(|retirement| retirement.retired_at);
    moments.min()
}

/// Which key signs at `now`, and which keys are published, oldest first.
pub fn schedule(turns: &[Turn], now: DateTime<Utc>) -> (Option<&Turn>, Vec<&Turn>) {
    let signing = turns.iter().find(|turn| turn.phase(now) == Phase::Signing);
    let published = turns
        .iter()
        .filter(|turn| turn.phase(now) != Phase::Over)
        .collect();
    (signing, published)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(secs)
    }

    fn turns_of(keys: &[(&str, i64)], retirements: &[Retirement]) -> Vec<Turn> {
        turns(
            keys.iter()
                .map(|(kid, secs)| ((*kid).to_owned(), at(*secs))),
            retirements,
        )
    }

    fn retirement(kid: &str, secs: i64, successor: Option<&str>) -> Retirement {
        Retirement {
            kid: kid.to_owned(),
            retired_at: at(secs),
            successor: successor.map(str::to_owned),
        }
    }

    /// The signing key, then all that are published.
    fn seen(turns: &[Turn], now: DateTime<Utc>) -> (Option<&str>, Vec<&str>) {
        let (signing, published) = schedule(turns, now);
        let published = published
            .into_iter()
            .map(|turn| turn.kid.as_str())
            .collect();
        (signing.map(|turn| turn.kid.as_str()), published)
    }

    const MICROSECOND: TimeDelta = TimeDelta::microseconds(1);

    #[test]
    fn without_keys_nothing_signs() {
        assert_eq!(seen(&[], at(0)), (None, vec![]));
    }

    #[test]
    fn the_very_first_key_signs_at_once() {
        let turns = turns_of(&[("a", 0)], &[]);
        assert_eq!(seen(&turns, at(0)), (Some("a"), vec!["a"]));
        assert_eq!(
            seen(&turns, at(-500)),
            (Some("a"), vec!["a"]),
            "a clock that stepped back"
        );
        assert_eq!(
            seen(&turns, at(0) + TimeDelta::days(9_000)),
            (Some("a"), vec!["a"])
        );
    }

    #[test]
    fn a_new_key_is_published_at_once_and_signs_after_120_seconds() {
        let turns = turns_of(&[("new", 1_000), ("old", 0)], &[]);
        assert_eq!(seen(&turns, at(1_000)), (Some("old"), vec!["old", "new"]));
        assert_eq!(seen(&turns, at(1_120) - MICROSECOND).0, Some("old"));
        assert_eq!(seen(&turns, at(1_120)), (Some("new"), vec!["old", "new"]));
    }

    #[test]
    fn the_old_key_stays_published_for_25_hours_after_it_stopped_signing() {
        let turns = turns_of(&[("old", 0), ("new", 1_000)], &[]);
        let gone_at = at(1_120) + TimeDelta::hours(25);
        assert_eq!(seen(&turns, gone_at - MICROSECOND).1, ["old", "new"]);
        assert_eq!(seen(&turns, gone_at), (Some("new"), vec!["new"]));
    }

    #[test]
    fn of_two_keys_announced_together_the_newer_signs_last() {
        let turns = turns_of(&[("a", 0), ("b", 1_000), ("c", 1_060)], &[]);
        assert_eq!(seen(&turns, at(1_119)).0, Some("a"));
        assert_eq!(seen(&turns, at(1_120)).0, Some("b"));
        assert_eq!(seen(&turns, at(1_180)).0, Some("c"));
        let a_is_gone = at(1_120) + FADES;
        assert_eq!(seen(&turns, a_is_gone).1, ["b", "c"]);
        assert_eq!(seen(&turns, a_is_gone + TimeDelta::seconds(60)).1, ["c"]);
    }

    #[test]
    fn retiring_the_signing_key_unpublishes_it_and_its_successor_signs_at_once() {
        let keys = [("old", 0), ("leaked", 1_000), ("new", 9_000)];
        let turns = turns_of(&keys, &[retirement("leaked", 9_010, Some("new"))]);
        assert_eq!(seen(&turns, at(9_010)), (Some("new"), vec!["old", "new"]));

        let restored = turns_of(&keys[..2], &[retirement("leaked", 9_010, Some("new"))]);
        assert_eq!(
            seen(&restored, at(9_010)).1,
            ["old"],
            "a retired key's file that came back"
        );
    }

    #[test]
    fn a_key_skipped_by_a_retirement_never_signs() {
        let keys = [("a", 0), ("b", 1_000), ("c", 1_060)];
        let turns = turns_of(&keys, &[retirement("a", 1_070, Some("c"))]);
        for now in [1_070, 1_120, 1_180] {
            assert_eq!(seen(&turns, at(now)).0, Some("c"), "at {now}");
        }
    }

    #[test]
    fn retiring_a_key_that_does_not_sign_changes_nothing_else() {
        let keys = [("old", 0), ("signing", 1_000), ("announced", 9_000)];
        let turns = turns_of(&keys, &[retirement("announced", 9_010, None)]);
        assert_eq!(
            seen(&turns, at(9_500)),
            (Some("signing"), vec!["old", "signing"])
        );
        let turns = turns_of(&keys, &[retirement("old", 9_010, None)]);
        assert_eq!(
            seen(&turns, at(9_119)),
            (Some("signing"), vec!["signing", "announced"])
        );
        assert_eq!(
            seen(&turns, at(9_120)),
            (Some("announced"), vec!["signing", "announced"])
        );
    }

    proptest! {
        #[test]
        fn exactly_one_key_signs_and_it_is_published(
            created in prop::collection::vec(0_i64..400, 1..6),
            retired in prop::option::of((0_usize..6, 0_i64..600)),
            now in -10_i64..200_000,
        ) {
            let keys: Vec<(String, DateTime<Utc>)> =
                created.iter().enumerate().map(|(n, secs)| (n.to_string(), at(*secs))).collect();
            let newest = keys.iter().max_by_key(|(kid, created_at)| (*created_at, kid.clone()));
            let newest = newest.map(|(kid, _)| kid.clone());
            let retirements: Vec<Retirement> = retired
                .filter(|(n, _)| Some(n.to_string()) != newest)
                .map(|(n, secs)| retirement(&n.to_string(), secs, newest.as_deref()))
                .into_iter()
                .collect();
            let turns = turns(keys, &retirements);
            let (signing, published) = schedule(&turns, at(now));

            prop_assert!(signing.is_some_and(|signing| published.contains(&signing)));
            let n_signing = turns.iter().filter(|turn| turn.phase(at(now)) == Phase::Signing).count();
            prop_assert_eq!(n_signing, 1);
        }
    }
}
