//! The keys that sign download tokens.
//!
//! `KEYS_DIR` is the truth: whatever changes it, `app-server keys …` or another app server, acts
//! on every running server within [`REFRESH`]. Each key's file says when the key was made, in its
//! text, because a file's own dates do not survive copying; everything else follows from that
//! ([`mod@schedule`]): a key is published when it is made, signs 120 s later (the very first at once),
//! and stays published for 25 h after a newer one began to sign. Retiring a key leaves a note in
//! its place that names the key which signs from that moment on.

pub mod folder;
pub mod key;
pub mod schedule;

use std::{
    path::Path,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use anyhow::Context;
use shared::{
    clock::Clock,
    key_set::KeySet,
    token::{DownloadToken, Header, TokenTooLong, signing_input},
};

use folder::{Contents, Folder, FolderError};
use key::SigningKey;
use schedule::{Turn, schedule};

/// How often the folder is read.
pub const REFRESH: Duration = Duration::from_secs(1);

/// Signs download tokens with the key whose turn it is.
///
/// Cloning gives a second handle on the same keys.
#[derive(Clone)]
pub struct Signer(Arc<Inner>);

struct Inner {
    folder: Folder,
    clock: Clock,
    // Never held while a file is read: who signs does not wait for a disk.
    loaded: RwLock<Arc<Loaded>>,
    /// When dropped, the thread that reads the folder ends.
    _stop: mpsc::Sender<()>,
}

struct Loaded {
    keys: Vec<SigningKey>,
    turns: Vec<Turn>,
}

impl Loaded {
    fn new(contents: Contents) -> Self {
        Self {
            turns: contents.turns(),
            keys: contents.keys,
        }
    }

    fn key(&self, turn: &Turn) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.kid() == turn.kid)
    }
}

impl Signer {
    /// Reads the folder, and from then on by itself; makes the first key when there is none.
    ///
    /// # Errors
    /// The folder holds what is no key, or cannot be read or, when it is empty, written.
    pub fn open(dir: &Path, clock: Clock) -> anyhow::Result<Self> {
        // Named so that no feature of another crate can choose; a second call changes nothing.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let folder = Folder::new(dir);
        let mut contents = folder.read().context("KEYS_DIR")?;
        if contents.keys.is_empty() {
            let kid = folder.generate_first(clock.now()).context("KEYS_DIR")?;
            if let Some(kid) = kid {
                tracing::info!(kid, folder = %dir.display(), "made the first signing key");
            }
            contents = folder.read().context("KEYS_DIR")?;
        }
        let (stop, stopped) = mpsc::channel();
        let loaded = RwLock::new(Arc::new(Loaded::new(contents)));
        let inner = Arc::new(Inner {
            folder,
            clock,
            loaded,
            _stop: stop,
        });
        let watched = Arc::downgrade(&inner);
        thread::Builder::new()
            .name("signing-keys".to_owned())
            .spawn(move || keep_reading(&watched, &stopped))
            .context("a thread for the signing keys")?;
        Ok(Self(inner))
    }

    /// The token, signed, its name cut so that it fits.
    pub fn sign(&self, token: DownloadToken) -> Result<String, SignError> {
        let loaded = self.0.loaded();
        let (signing, _) = schedule(&loaded.turns, self.0.clock.now());
        let key = signing
            .and_then(|turn| loaded.key(turn))
            .ok_or(SignError::NoKey)?;
        let token = token.fitted(key.kid())?;
        let input = signing_input(&Header::new(key.kid()), &token);
        let signature = key.sign(&input)?;
        Ok(format!("{input}.{signature}"))
    }

    /// The public halves that are published now.
    pub fn key_set(&self) -> KeySet {
        let loaded = self.0.loaded();
        let (_, published) = schedule(&loaded.turns, self.0.clock.now());
        let keys = published.into_iter().filter_map(|turn| loaded.key(turn));
        KeySet::from_keys(keys.map(|key| key.public.clone()).collect())
    }

    /// Reads the folder now; what was read last stays when that fails or nothing is there.
    ///
    /// # Errors
    /// [`FolderError`]; nothing has changed then.
    pub fn reload(&self) -> Result<(), FolderError> {
        self.0.reload()
    }
}

impl Inner {
    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn reload(&self) -> Result<(), FolderError> {
        let contents = self.folder.read()?;
        if contents.keys.is_empty() {
            return Err(FolderError::Empty);
        }
        let loaded = Arc::new(Loaded::new(contents));
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    fn signing_kid(&self) -> Option<String> {
        schedule(&self.loaded().turns, self.clock.now())
            .0
            .map(|turn| turn.kid.clone())
    }
}

/// Reads the folder again and again until the signer is gone; logs what changes, once.
fn keep_reading(signer: &Weak<Inner>, stopped: &mpsc::Receiver<()>) {
    let mut last_trouble = None;
    let mut last_kid = None;
    while stopped.recv_timeout(REFRESH) == Err(RecvTimeoutError::Timeout) {
        let Some(signer) = signer.upgrade() else {
            return;
        };
        let trouble = signer
            .reload()
            .err()
            .map(|error| format!("{:#}", anyhow::Error::new(error)));
        if trouble != last_trouble {
            if let Some(error) = &trouble {
                tracing::error!(error, "KEYS_DIR cannot be read; its last keys stay");
            } else {
                tracing::info!("KEYS_DIR can be read again");
            }
        }
        last_trouble = trouble;
        let kid = signer.signing_kid();
        if kid != last_kid {
            tracing::info!(kid, "this key signs");
        }
        last_kid = kid;
    }
}

/// Why a token was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// There is no key: a bug, since a signer does not open without one.
    #[error("there is no signing key")]
    NoKey,
    /// Its addresses leave no room for a file's name.
    #[error("a token does not fit")]
    TooLong(#[from] TokenTooLong),
    /// The key was refused.
    #[error("a token could not be signed")]
    Crypto(#[from] jsonwebtoken::errors::Error),
}

#[cfg(test)]
mod tests;
