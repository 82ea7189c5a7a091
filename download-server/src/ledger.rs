//! The ledger of claimed tokens: what makes "once" true.
//!
//! `tests/model.rs` compiles this file a second time, with a model checker's `sync` around it; so
//! nothing here names `std::sync`, and its own tests are in `ledger_tests`.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use super::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};

/// Claims on different tokens rarely wait for each other.
const N_SHARDS: usize = 64;

/// Every token claimed here that has not expired.
///
/// In memory only: a token names one process as its audience, and a restart refuses whatever was
/// signed before it. An entry is never given up before its time; when there is no room, nothing
/// more is claimed.
///
/// # Units
/// Times are whole seconds since 1970-01-01T00:00:00Z. An entry costs about 40 bytes.
#[derive(Debug)]
pub(crate) struct Ledger {
    shards: Vec<Mutex<Shard>>,
    capacity: usize,
    n_entries: AtomicUsize,
    /// The latest `exp` that was ever found to be over. A clock that steps back finds it still over.
    expired_until: AtomicI64,
}

/// Entries by their `exp`, so that expiry drops whole sets. Std mutex: never held across an await.
type Shard = BTreeMap<i64, HashSet<u128>>;

/// Why a token could not be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclaimed {
    Expired,
    Used,
    Full,
}

impl Ledger {
    pub(crate) fn new(capacity: usize) -> Self {
        Self::with_shards(capacity, N_SHARDS)
    }

    /// A ledger in `n_shards` parts, at least one.
    pub(crate) fn with_shards(capacity: usize, n_shards: usize) -> Self {
        Self {
            shards: (0..n_shards).map(|_| Mutex::default()).collect(),
            capacity,
            n_entries: AtomicUsize::new(0),
            expired_until: AtomicI64::new(i64::MIN),
        }
    }

    /// Whether the token could be claimed, without claiming it.
    pub(crate) fn check(&self, jti: Uuid, exp: i64, now: i64) -> Result<(), Unclaimed> {
        self.check_time(exp, now)?;
        if is_in(&self.shard(jti), jti, exp) {
            Err(Unclaimed::Used)
        } else {
            Ok(())
        }
    }

    /// How many tokens are held; what has expired is forgotten first, so that a server which the
    /// shop leaves out for being full is seen to be empty again.
    pub(crate) fn n_claims(&self, now: i64) -> usize {
        self.forget_expired(now);
        self.n_entries.load(Ordering::Relaxed)
    }

    /// Claims the token: of all that try, one succeeds.
    pub(crate) fn claim(
        self: &Arc<Self>,
        jti: Uuid,
        exp: i64,
        now: i64,
    ) -> Result<Claim, Unclaimed> {
        self.check_time(exp, now)?;
        let mut entered = self.enter(jti, exp, now);
        if entered == Err(Unclaimed::Full) {
            self.forget_expired(now);
            entered = self.enter(jti, exp, now);
        }
        entered.map(|()| Claim {
            ledger: Arc::clone(self),
            jti,
            exp,
            begun: false,
        })
    }

    fn enter(&self, jti: Uuid, exp: i64, now: i64) -> Result<(), Unclaimed> {
        let mut shard = self.shard(jti);
        self.purge(&mut shard, now);
        // Again, now that nobody can purge this shard: `exp` may have ended since the first look.
        self.check_time(exp, now)?;
        if is_in(&shard, jti, exp) {
            return Err(Unclaimed::Used);
        }
        let room = |n| (n < self.capacity).then_some(n + 1);
        let reserved = self
            .n_entries
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        if reserved.is_err() {
            return Err(Unclaimed::Full);
        }
        shard.entry(exp).or_default().insert(jti.as_u128());
        Ok(())
    }

    /// Refuses what has expired now or ever had.
    fn check_time(&self, exp: i64, now: i64) -> Result<(), Unclaimed> {
        if exp <= now {
            self.expired_until.fetch_max(exp, Ordering::SeqCst);
        }
        let over = exp <= self.expired_until.load(Ordering::SeqCst);
        if over {
            Err(Unclaimed::Expired)
        } else {
            Ok(())
        }
    }

    /// Drops every entry whose time is over.
    pub(crate) fn forget_expired(&self, now: i64) {
        for shard in &self.shards {
            self.purge(&mut lock(shard), now);
        }
    }

    fn purge(&self, shard: &mut Shard, now: i64) {
        while let Some(bucket) = shard.first_entry().filter(|bucket| *bucket.key() <= now) {
            self.expired_until
                .fetch_max(*bucket.key(), Ordering::SeqCst);
            self.n_entries
                .fetch_sub(bucket.get().len(), Ordering::Relaxed);
            bucket.remove();
        }
    }

    fn release(&self, jti: Uuid, exp: i64) {
        let mut shard = self.shard(jti);
        let Some(bucket) = shard.get_mut(&exp) else {
            return;
        };
        if bucket.remove(&jti.as_u128()) {
            self.n_entries.fetch_sub(1, Ordering::Relaxed);
        }
        if bucket.is_empty() {
            shard.remove(&exp);
        }
    }

    /// How many entries there are, as counted for the capacity.
    ///
    /// # Panics
    /// When that is not what the shards hold. Nobody else may be at work.
    #[cfg(test)]
    pub(crate) fn audit(&self) -> usize {
        let mut n_held = 0;
        for shard in &self.shards {
            for bucket in lock(shard).values() {
                assert!(!bucket.is_empty(), "a bucket was left behind");
                n_held += bucket.len();
            }
        }
        let n_entries = self.n_entries.load(Ordering::SeqCst);
        assert_eq!(n_entries, n_held, "the count is wrong");
        n_entries
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the remainder is below the number of shards"
    )]
    fn shard(&self, jti: Uuid) -> MutexGuard<'_, Shard> {
        let [.., last] = *jti.as_bytes();
        lock(&self.shards[usize::from(last) % self.shards.len()])
    }
}

fn is_in(shard: &Shard, jti: Uuid, exp: i64) -> bool {
    shard
        .get(&exp)
        .is_some_and(|bucket| bucket.contains(&jti.as_u128()))
}

/// A shard is whole after every statement, so a panic elsewhere does not spoil it.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A token's one use, given back when it is dropped before its answer began.
#[derive(Debug)]
#[must_use = "a claim that is dropped is given back"]
pub(crate) struct Claim {
    ledger: Arc<Ledger>,
    jti: Uuid,
    exp: i64,
    begun: bool,
}

impl Claim {
    /// The answer has begun: the token is used for good.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.begun {
            self.ledger.release(self.jti, self.exp);
        }
    }
}
