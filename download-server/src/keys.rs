//! The shop's public keys: fetched, refreshed, and how old they are.

pub(crate) mod source;
mod unread;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use shared::{
    clock::Clock,
    key_set::{KeySet, PublicKey},
};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{Instant, sleep_until, timeout},
};

use self::{
    source::Source,
    unread::{Reason, Unread},
};
use crate::{config::Config, verifier::key::VerifyingKey};

/// For this long the last good keys serve new claims when no newer ones can be had.
const MAX_AGE_SECS: i64 = 60 * 60;

/// While there are no keys at all, they are asked for this often.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// A request waits at most this long for keys; it includes the pause between two readings.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many requests wait for keys at a time; anybody can make one that does, so more are told to
/// come back.
const MAX_WAITING: usize = 1_000;

/// So many keys are prepared, at 4 MiB each; a shop has two or three.
const MOST_PREPARED: usize = 8;

/// The shop's public keys.
///
/// One task reads them; requests look at the last good reading and may ask for a newer one.
pub(crate) struct Keys {
    clock: Clock,
    refresh: Duration,
    pause: Duration,
    current: RwLock<Option<Arc<Reading>>>,
    wanted: Notify,
    waiting: Semaphore,
    n_begun: AtomicU64,
    done: watch::Sender<Done>,
    /// What the log has said and what has not ended since.
    trouble: Mutex<Option<String>>,
    /// Readings that brought no keys, since the start.
    n_failed: Mutex<BTreeMap<Reason, u64>>,
}

/// Keys as they were read once.
pub(crate) struct Reading {
    keys: Vec<(String, Arc<VerifyingKey>)>,
    /// Whole seconds since 1970.
    read_at: i64,
    /// What the answer's date says about the two clocks.
    clocks: Result<(), String>,
    /// When the clocks were first found to agree; the beginning of time where they always have.
    agree_since: Option<i64>,
}

/// How the latest reading ended.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    number: u64,
    succeeded: bool,
}

impl Reading {
    /// The key of that name.
    pub(crate) fn find(&self, kid: &str) -> Option<&Arc<VerifyingKey>> {
        self.keys
            .iter()
            .find(|(name, _)| name == kid)
            .map(|(_, key)| key)
    }

    /// True when too much time has passed for new claims.
    pub(crate) fn is_stale(&self, now: i64) -> bool {
        now - self.read_at > MAX_AGE_SECS
    }

    /// How many keys it has.
    pub(crate) fn n_keys(&self) -> usize {
        self.keys.len()
    }

    /// When the clocks were first found to agree; the end of time while they have not.
    pub(crate) fn clocks_agree_since(&self) -> i64 {
        self.agree_since.unwrap_or(i64::MAX)
    }

    /// Whether this clock and the shop's agree.
    pub(crate) fn clocks(&self) -> Result<(), &str> {
        self.clocks.as_ref().copied().map_err(String::as_str)
    }
}

impl Keys {
    pub(crate) fn new(config: &Config, clock: Clock) -> Self {
        Self {
            clock,
            refresh: config.jwks_refresh,
            pause: config.jwks_pause,
            current: RwLock::default(),
            wanted: Notify::new(),
            waiting: Semaphore::new(MAX_WAITING),
            n_begun: AtomicU64::new(0),
            done: watch::Sender::default(),
            trouble: Mutex::default(),
            n_failed: Mutex::new(Reason::ALL.map(|reason| (reason, 0)).into()),
        }
    }

    /// Whole seconds since the last good reading, if there has been one.
    pub(crate) fn age_secs(&self) -> Option<i64> {
        let now = self.clock.unix_secs();
        self.current().map(|reading| now - reading.read_at)
    }

    /// How many readings brought no keys since the start, by the reason's word; all of them, from 0.
    pub(crate) fn n_failed(&self) -> BTreeMap<&'static str, u64> {
        let n_failed = self.n_failed.lock().unwrap_or_else(PoisonError::into_inner);
        let by_word = n_failed.iter().map(|(reason, n)| (reason.word(), *n));
        by_word.collect()
    }

    /// The last good reading, if there has been one.
    pub(crate) fn current(&self) -> Option<Arc<Reading>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for a reading that begins after this call; false when it failed or took too long, or
    /// when too many wait already.
    pub(crate) async fn read_anew(&self) -> bool {
        let Ok(_place) = self.waiting.try_acquire() else {
            return false;
        };
        let before = self.n_begun.load(Ordering::SeqCst);
        let mut done = self.done.subscribe();
        self.wanted.notify_one();
        let ended = timeout(PATIENCE, done.wait_for(|done| done.number > before)).await;
        matches!(ended, Ok(Ok(done)) if done.succeeded)
    }

    /// Reads the keys from `source`, for ever: at every refresh, and when asked, but not too often.
    pub(crate) async fn keep_reading(&self, source: Source) {
        loop {
            let begun = Instant::now();
            self.read_once(&source).await;
            let refresh = match self.current() {
                Some(_) => self.refresh,
                None => self.refresh.min(FIRST_PAUSE),
            };
            tokio::select! {
                () = sleep_until(begun + refresh) => {}
                () = self.wanted.notified() => sleep_until(begun + self.pause.min(refresh)).await,
            }
        }
    }

    async fn read_once(&self, source: &Source) {
        let number = self.n_begun.fetch_add(1, Ordering::SeqCst) + 1;
        let read = source.read(&self.clock).await;
        let succeeded = read.is_ok();
        match read {
            Ok((keys, clocks)) => {
                match &clocks {
                    Ok(()) => self.log_recovery(),
                    Err(reason) => self.log_change("no new deliveries", reason.clone()),
                }
                self.keep(&keys, clocks);
            }
            Err(Unread { reason, error }) => {
                self.log_change("the shop's keys cannot be read", format!("{error:#}"));
                let mut n_failed = self.n_failed.lock().unwrap_or_else(PoisonError::into_inner);
                *n_failed.entry(reason).or_default() += 1;
            }
        }
        self.done.send_replace(Done { number, succeeded });
    }

    /// Logs a trouble once, however often it is met again.
    fn log_change(&self, what: &'static str, why: String) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.as_ref() != Some(&why) {
            tracing::error!(why, "{what}");
            *trouble = Some(why);
        }
    }

    fn log_recovery(&self) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.take().is_some() {
            tracing::info!("the shop's keys are read again, and the clocks agree");
        }
    }

    fn keep(&self, keys: &KeySet, clocks: Result<(), String>) {
        let last = self.current();
        let keys = prepare(keys, last.as_deref());
        let now = self.clock.unix_secs();
        let agree_since = match (&clocks, last) {
            (Err(_), last) => last.and_then(|last| last.agree_since),
            (Ok(()), None) => Some(i64::MIN),
            (Ok(()), Some(last)) => last.agree_since.or(Some(now)),
        };
        let reading = Reading {
            keys,
            read_at: now,
            clocks,
            agree_since,
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(reading));
    }
}

/// The keys under their names, the first of them prepared; those that `last` has prepared already
/// are taken from there.
fn prepare(keys: &KeySet, last: Option<&Reading>) -> Vec<(String, Arc<VerifyingKey>)> {
    let prepare = |(n, key): (usize, &PublicKey)| {
        // A name is its key's hash, so under the same name there is the same key.
        let known = last.and_then(|last| last.find(key.kid()));
        let prepared = match known.filter(|known| known.is_prepared()) {
            _ if n >= MOST_PREPARED => Arc::new(VerifyingKey::plain(key.bytes())),
            Some(known) => Arc::clone(known),
            None => Arc::new(VerifyingKey::prepared(key.bytes())),
        };
        (key.kid().to_owned(), prepared)
    };
    keys.iter().enumerate().map(prepare).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use futures_util::FutureExt;

    use super::*;
    use crate::config::Jwks;

    #[test]
    fn only_so_many_keys_are_prepared_and_each_only_once() {
        let public = |n: u8| {
            let pair = Ed25519KeyPair::from_seed_unchecked(&[n; 32]).unwrap();
            PublicKey::from_bytes(pair.public_key().as_ref().try_into().unwrap())
        };
        let read = |numbers: &[u8], last: Option<&Reading>| Reading {
            keys: prepare(
                &KeySet::from_keys(numbers.iter().map(|n| public(*n)).collect()),
                last,
            ),
            read_at: 0,
            clocks: Ok(()),
            agree_since: None,
        };
        let n_prepared = |reading: &Reading| {
            let prepared = reading.keys.iter().filter(|(_, key)| key.is_prepared());
            prepared.count()
        };
        let numbers: Vec<u8> = (0..12).collect();
        let first = read(&numbers, None);
        assert_eq!((first.n_keys(), n_prepared(&first)), (12, MOST_PREPARED));

        // In another order, others come first.
        let reversed: Vec<u8> = numbers.into_iter().rev().collect();
        let second = read(&reversed, Some(&first));
        assert_eq!((second.n_keys(), n_prepared(&second)), (12, MOST_PREPARED));
        let in_both = public(6);
        let (before, after) = (first.find(in_both.kid()), second.find(in_both.kid()));
        assert!(Arc::ptr_eq(before.unwrap(), after.unwrap()));
    }

    #[test]
    fn so_many_wait_for_keys_and_the_next_is_told_at_once() {
        let url = "http://127.0.0.1:1";
        let jwks = Jwks::File("/no/such/file".into());
        let config = Config::new(url.parse().unwrap(), url.parse().unwrap(), jwks, "");
        let keys = Keys::new(&config, Clock::system());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let _entered = runtime.enter();
        let wait = || {
            let mut waiting = Box::pin(keys.read_anew());
            let answer = waiting.as_mut().now_or_never();
            (waiting, answer)
        };

        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| wait()).collect();
        assert!(waiting.iter().all(|(_, answer)| answer.is_none()));
        assert_eq!(wait().1, Some(false));

        waiting.pop();
        assert_eq!(wait().1, None, "there is room again");
    }
}
