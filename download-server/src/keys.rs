//! The shop's public keys: fetched, refreshed, and how old they are.

pub(crate) mod source;

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jsonwebtoken::DecodingKey;
use shared::{clock::Clock, key_set::KeySet};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};

use self::source::Source;
use crate::config::Config;

/// For this long the last good keys serve new claims when no newer ones can be had.
const MAX_AGE_SECS: i64 = 60 * 60;

/// While there are no keys at all, they are asked for this often.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// A request waits at most this long for keys; it includes the pause between two readings.
const PATIENCE: Duration = Duration::from_secs(10);

/// The shop's public keys.
///
/// One task reads them; requests look at the last good reading and may ask for a newer one.
pub(crate) struct Keys {
    clock: Clock,
    refresh: Duration,
    pause: Duration,
    current: RwLock<Option<Arc<Reading>>>,
    wanted: Notify,
    n_begun: AtomicU64,
    done: watch::Sender<Done>,
    /// What the log has said and what has not ended since.
    trouble: Mutex<Option<String>>,
}

/// Keys as they were read once.
pub(crate) struct Reading {
    keys: Vec<(String, DecodingKey)>,
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
    pub(crate) fn find(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys
            .iter()
            .find(|(name, _)| name == kid)
            .map(|(_, key)| key)
    }

    /// True when too much time has passed for new claims.
    pub(crate) fn is_stale(&self, now: i64) -> bool {
        now - self.read_at > MAX_AGE_SECS
    }

    /// Seconds since it was read.
    pub(crate) fn age_secs(&self, now: i64) -> i64 {
        now.saturating_sub(self.read_at).max(0)
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
            n_begun: AtomicU64::new(0),
            done: watch::Sender::default(),
            trouble: Mutex::default(),
        }
    }

    /// The last good reading, if there has been one.
    pub(crate) fn current(&self) -> Option<Arc<Reading>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for a reading that begins after this call; false when it failed or took too long.
    pub(crate) async fn read_anew(&self) -> bool {
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
            Err(error) => {
                self.log_change("the shop's keys cannot be read", format!("{error:#}"));
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
        let keys = keys
            .iter()
            .map(|key| (key.kid().to_owned(), DecodingKey::from_ed_der(key.bytes())))
            .collect();
        let now = self.clock.unix_secs();
        let agree_since = match (&clocks, self.current()) {
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
