//! The ledger under shuttle: the order in which its threads' steps come is chosen, not left to chance.
//!
//! Two threads are taken through every order there is; of more threads, [`N_RANDOM`] orders are
//! tried by PCT, which finds a defect of a few ill-timed switches with a known probability. Every
//! atomic is modelled as sequentially consistent, whatever ordering it names; what the ledger
//! decides by is guarded by a mutex or by one read-modify-write.
//!
//! # Source
//! Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", 2010.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../src/ledger.rs"]
#[expect(dead_code, reason = "here a ledger has fewer parts than its default")]
mod ledger;

use shuttle::{check_dfs, check_pct, sync, thread};
use uuid::Uuid;

use self::{
    ledger::{Ledger, Unclaimed},
    sync::Arc,
};

/// Orders tried of what is too large to try in every order.
const N_RANDOM: usize = 5_000;

/// Ill-timed switches looked for.
const DEPTH: usize = 4;

/// All tokens here end then.
const EXP: i64 = 120;

/// Two parts are enough to be apart in, and keep the number of orders small.
fn ledger(capacity: usize) -> Arc<Ledger> {
    Arc::new(Ledger::with_shards(capacity, 2))
}

/// A token; those of even and of odd number are in different parts of the ledger.
const fn token(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// What a thread does.
type Step = fn(&Arc<Ledger>) -> Option<Uuid>;

fn use_up(ledger: &Arc<Ledger>, jti: Uuid, exp: i64, now: i64) -> Result<(), Unclaimed> {
    ledger.claim(jti, exp, now).map(|mut claim| claim.begin())
}

/// Takes `steps` at once on one ledger, each in a thread, and returns the tokens that were used.
fn run(ledger: &Arc<Ledger>, steps: &[Step]) -> Vec<Uuid> {
    let (here, elsewhere) = steps.split_first().unwrap();
    let threads: Vec<_> = elsewhere
        .iter()
        .map(|step| {
            let (ledger, step) = (Arc::clone(ledger), *step);
            thread::spawn(move || step(&ledger))
        })
        .collect();
    let used_here = here(ledger);
    let used_elsewhere = threads
        .into_iter()
        .filter_map(|thread| thread.join().unwrap());
    used_here.into_iter().chain(used_elsewhere).collect()
}

fn claim_first(ledger: &Arc<Ledger>) -> Option<Uuid> {
    use_up(ledger, token(1), EXP, 0).ok().map(|()| token(1))
}

fn claim_second(ledger: &Arc<Ledger>) -> Option<Uuid> {
    use_up(ledger, token(2), EXP, 0).ok().map(|()| token(2))
}

/// A claim whose answer never begins.
fn give_back_first(ledger: &Arc<Ledger>) -> Option<Uuid> {
    drop(ledger.claim(token(1), EXP, 0));
    None
}

fn check_first(ledger: &Arc<Ledger>) -> Option<Uuid> {
    let _ = ledger.check(token(1), EXP, 0);
    None
}

/// Claims what ends later, on a clock that has come to [`EXP`]; drops what is over there.
fn claim_later(ledger: &Arc<Ledger>, jti: Uuid) -> Option<Uuid> {
    use_up(ledger, jti, EXP + 60, EXP).ok().map(|()| jti)
}

/// The same, in the first token's part.
fn claim_fifth_later(ledger: &Arc<Ledger>) -> Option<Uuid> {
    claim_later(ledger, token(5))
}

fn forget(ledger: &Arc<Ledger>) -> Option<Uuid> {
    ledger.forget_expired(EXP);
    None
}

/// One token, claimed and given back by several: used at most once, and then for good.
fn the_first_is_used_once(steps: &[Step]) -> impl Fn() + Send + Sync + 'static {
    let steps = steps.to_vec();
    move || {
        let ledger = ledger(10);

        let used = run(&ledger, &steps);

        assert!(used.len() <= 1, "used {} times", used.len());
        assert_eq!(ledger.audit(), used.len());
        let again = use_up(&ledger, token(1), EXP, 0);
        let left = if used.is_empty() {
            Ok(())
        } else {
            Err(Unclaimed::Used)
        };
        assert_eq!(again, left);
    }
}

#[test]
fn of_two_claims_one_wins_in_every_order() {
    let once = the_first_is_used_once(&[claim_first, claim_first]);
    check_dfs(once, None);
}

#[test]
fn of_many_claims_exactly_one_wins() {
    check_pct(
        || {
            let ledger = ledger(10);
            assert_eq!(run(&ledger, &[claim_first as Step; 5]), [token(1)]);
        },
        N_RANDOM,
        DEPTH,
    );
}

#[test]
fn what_is_given_back_is_used_once_in_every_order() {
    check_dfs(
        the_first_is_used_once(&[give_back_first, claim_first]),
        None,
    );
    check_dfs(
        the_first_is_used_once(&[give_back_first, give_back_first]),
        None,
    );
}

#[test]
fn claims_gifts_and_looks_together_use_a_token_once() {
    let steps = [
        claim_first,
        give_back_first,
        check_first,
        claim_first,
        give_back_first,
    ];
    check_pct(the_first_is_used_once(&steps), N_RANDOM, DEPTH);
}

/// With room for one, and the tokens in different shards.
fn one_finds_room(steps: &[Step]) -> impl Fn() + Send + Sync + 'static {
    let steps = steps.to_vec();
    move || {
        let ledger = ledger(1);

        let used = run(&ledger, &steps);

        assert!(used.len() <= 1, "beyond the capacity: {used:?}");
        assert_eq!(ledger.audit(), used.len());
        let next = use_up(&ledger, token(3), EXP, 0);
        assert_eq!(next.is_ok(), used.is_empty(), "room was lost");
    }
}

#[test]
fn the_capacity_holds_in_every_order() {
    check_dfs(one_finds_room(&[claim_first, claim_second]), None);
    check_dfs(one_finds_room(&[give_back_first, claim_second]), None);
}

#[test]
fn the_capacity_holds_among_many() {
    let steps = [
        claim_first,
        claim_second,
        give_back_first,
        claim_second,
        give_back_first,
    ];
    check_pct(one_finds_room(&steps), N_RANDOM, DEPTH);
}

/// A used token whose time comes while others, on a clock that stands before it, try it again.
fn nothing_reopens(steps: &[Step]) -> impl Fn() + Send + Sync + 'static {
    let steps = steps.to_vec();
    move || {
        let ledger = ledger(10);
        use_up(&ledger, token(1), EXP, 0).unwrap();

        let used = run(&ledger, &steps);

        assert!(!used.contains(&token(1)), "used twice");
        assert!(use_up(&ledger, token(1), EXP, 0).is_err());
        ledger.audit();
    }
}

#[test]
fn a_clock_that_steps_back_reopens_nothing_in_any_order() {
    check_dfs(nothing_reopens(&[claim_fifth_later, claim_first]), None);
}

#[test]
fn a_clock_that_steps_back_reopens_nothing_among_many() {
    let steps = [claim_fifth_later, claim_first, forget, claim_first];
    check_pct(nothing_reopens(&steps), N_RANDOM, DEPTH);
}

/// A token begun, given back and purged at the same time.
#[test]
fn what_expires_while_it_is_given_back_is_counted_once() {
    let at_its_end = |steps: &[Step]| {
        let steps = steps.to_vec();
        move || {
            let ledger = ledger(10);
            let used = run(&ledger, &steps);
            assert!(used.iter().filter(|used| **used == token(1)).count() <= 1);
            ledger.audit();
            ledger.forget_expired(EXP + 60);
            assert_eq!(ledger.audit(), 0);
        }
    };
    check_dfs(at_its_end(&[give_back_first, claim_fifth_later]), None);
    let steps = [give_back_first, claim_first, claim_fifth_later, forget];
    check_pct(at_its_end(&steps), N_RANDOM, DEPTH);
}

/// Room for two, one of them taken by a token that is over, in another part than the newcomers.
#[test]
fn what_is_over_takes_nobodys_room_in_any_order() {
    let newcomers: [Step; 2] = [
        |ledger| claim_later(ledger, token(6)),
        |ledger| claim_later(ledger, token(8)),
    ];
    check_dfs(
        move || {
            let ledger = ledger(2);
            use_up(&ledger, token(3), EXP, 0).unwrap();

            assert_eq!(run(&ledger, &newcomers).len(), 2);

            assert_eq!(ledger.audit(), 2);
        },
        None,
    );
}
