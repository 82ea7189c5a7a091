//! The ledger of claimed tokens: what makes "once" true.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use uuid::Uuid;

/// Claims on different tokens rarely wait for each other.
const N_SHARDS: u8 = 64;

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
        Self {
            shards: (0..N_SHARDS).map(|_| Mutex::default()).collect(),
            capacity,
            n_entries: AtomicUsize::new(0),
            expired_until: AtomicI64::new(i64::MIN),
        }
    }

    /// Whether the token could be claimed, without claiming it.
    pub(crate) fn check(&self, jti: Uuid, exp: i64, now: i64) -> Result<(), Unclaimed> {
        self.check_time(exp, now)?;
        let used = self
            .shard(jti)
            .get(&exp)
            .is_some_and(|bucket| bucket.contains(&jti.as_u128()));
        if used { Err(Unclaimed::Used) } else { Ok(()) }
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
        if self.n_entries.load(Ordering::Relaxed) >= self.capacity {
            self.forget_expired(now);
        }
        let mut shard = self.shard(jti);
        self.purge(&mut shard, now);
        // Again, now that nobody can purge this shard: `exp` may have ended since the first look.
        self.check_time(exp, now)?;
        let bucket = shard.entry(exp).or_default();
        if bucket.contains(&jti.as_u128()) {
            return Err(Unclaimed::Used);
        }
        let room = |n| (n < self.capacity).then_some(n + 1);
        let reserved = self
            .n_entries
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        if reserved.is_err() {
            return Err(Unclaimed::Full);
        }
        bucket.insert(jti.as_u128());
        Ok(Claim {
            ledger: Arc::clone(self),
            jti,
            exp,
            begun: false,
        })
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

    fn forget_expired(&self, now: i64) {
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

    #[expect(
        clippy::indexing_slicing,
        reason = "the remainder is below the number of shards"
    )]
    fn shard(&self, jti: Uuid) -> MutexGuard<'_, Shard> {
        let [.., last] = *jti.as_bytes();
        lock(&self.shards[usize::from(last % N_SHARDS)])
    }
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

#[cfg(test)]
mod tests;
