//! What "once" means, one step after the other; `tests/model.rs` tries every order of steps.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::HashSet, sync::Arc};

use proptest::prelude::*;
use uuid::Uuid;

use crate::ledger::{Ledger, Unclaimed};

const EXP: i64 = 120;

fn ledger(capacity: usize) -> Arc<Ledger> {
    Arc::new(Ledger::new(capacity))
}

fn use_up(ledger: &Arc<Ledger>, jti: Uuid, exp: i64, now: i64) -> Result<(), Unclaimed> {
    ledger.claim(jti, exp, now).map(|mut claim| claim.begin())
}

#[test]
fn a_token_is_claimed_once() {
    let ledger = ledger(10);
    let jti = Uuid::new_v4();

    assert_eq!(use_up(&ledger, jti, EXP, 0), Ok(()));

    assert_eq!(use_up(&ledger, jti, EXP, 0), Err(Unclaimed::Used));
    assert_eq!(ledger.check(jti, EXP, 0), Err(Unclaimed::Used));
    assert_eq!(ledger.check(Uuid::new_v4(), EXP, 0), Ok(()));
}

#[test]
fn of_many_threads_one_claims() {
    let ledger = ledger(10);
    let jti = Uuid::new_v4();

    let winners: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| use_up(&ledger, jti, EXP, 0).is_ok()))
            .collect();
        threads
            .into_iter()
            .map(|t| usize::from(t.join().unwrap()))
            .sum()
    });

    assert_eq!(winners, 1);
}

#[test]
fn a_claim_whose_answer_never_began_is_given_back() {
    let ledger = ledger(10);
    let jti = Uuid::new_v4();

    drop(ledger.claim(jti, EXP, 0).unwrap());

    assert_eq!(use_up(&ledger, jti, EXP, 0), Ok(()));
    assert_eq!(ledger.audit(), 1);
}

#[test]
fn at_its_exp_a_token_has_expired() {
    assert_eq!(
        use_up(&ledger(10), Uuid::new_v4(), EXP, EXP),
        Err(Unclaimed::Expired)
    );
    assert_eq!(use_up(&ledger(10), Uuid::new_v4(), EXP, EXP - 1), Ok(()));
}

#[test]
fn a_clock_that_steps_back_reopens_nothing() {
    let ledger = ledger(10);
    let (used, unused, later) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    use_up(&ledger, used, EXP, 0).unwrap();
    assert_eq!(ledger.check(unused, EXP, EXP), Err(Unclaimed::Expired));
    ledger.forget_expired(EXP);

    for jti in [used, unused] {
        assert_eq!(use_up(&ledger, jti, EXP, 0), Err(Unclaimed::Expired));
    }
    assert_eq!(
        use_up(&ledger, later, EXP + 1, 0),
        Ok(()),
        "what had not expired is still good"
    );
}

#[test]
fn a_full_ledger_keeps_what_it_has_until_it_expires() {
    let ledger = ledger(2);
    let first = Uuid::new_v4();
    use_up(&ledger, first, EXP, 0).unwrap();
    use_up(&ledger, Uuid::new_v4(), EXP, 0).unwrap();

    assert_eq!(
        use_up(&ledger, Uuid::new_v4(), EXP + 60, 0),
        Err(Unclaimed::Full)
    );
    assert_eq!(use_up(&ledger, first, EXP, 0), Err(Unclaimed::Used));

    assert_eq!(use_up(&ledger, Uuid::new_v4(), EXP + 60, EXP), Ok(()));
}

/// One step in the life of a ledger: claim, claim and give back, or the clock moves.
#[derive(Clone, Debug)]
enum Step {
    Use(u8),
    GiveBack(u8),
    Clock(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<u8>().prop_map(Step::Use),
        any::<u8>().prop_map(Step::GiveBack),
        (-50_i64..100).prop_map(Step::Clock),
    ]
}

proptest! {
    #[test]
    fn no_token_is_used_twice_however_clocks_move(
        steps in prop::collection::vec(step(), 1..200), capacity in 1_usize..64,
    ) {
        let ledger = ledger(capacity);
        let mut used = HashSet::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Clock(by) => now += by,
                Step::GiveBack(n) => drop(ledger.claim(Uuid::from_u128(n.into()), i64::from(n), now)),
                Step::Use(n) => {
                    if use_up(&ledger, Uuid::from_u128(n.into()), i64::from(n), now).is_ok() {
                        prop_assert!(used.insert(n), "{n} was used twice");
                        prop_assert!(i64::from(n) > now);
                    }
                }
            }
            prop_assert!(ledger.audit() <= capacity);
        }
    }
}

#[test]
#[expect(clippy::panic, reason = "what is tested")]
fn a_panic_before_the_answer_gives_the_claim_back() {
    let (ledger, jti) = (Arc::new(Ledger::new(10)), Uuid::new_v4());
    let panicking = Arc::clone(&ledger);
    let outcome = std::thread::spawn(move || {
        let _claim = panicking.claim(jti, 100, 0).unwrap();
        panic!("on purpose");
    });
    assert!(outcome.join().is_err());

    assert!(ledger.claim(jti, 100, 0).is_ok());
}
