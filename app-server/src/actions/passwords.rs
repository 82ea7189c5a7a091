//! Hashing and verifying passwords: off the async threads, a few at a time, in constant work.

use std::{sync::Arc, time::Duration};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::error::AppError;

/// Each hash takes 19 MiB and one core for some 20 ms; more than this many waiting is an attack
/// or an outage, and 503 is kinder than a queue of minutes.
const MAX_WAITING: usize = 200;

/// How long a hash may wait for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The one place where passwords are hashed and verified.
///
/// argon2id with m = 19,456 KiB, t = 2, p = 1 (OWASP Password Storage Cheat Sheet).
#[derive(Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// The hash of nobody's password: unknown users cost what known ones cost.
    dummy: Arc<SecretString>,
}

impl Passwords {
    /// As many hashes at once as there are cores.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn new() -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let dummy = hash(b"nobody has this password")?;
        Ok(Self {
            running: Arc::new(Semaphore::new(cores)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            dummy: Arc::new(dummy),
        })
    }

    /// A new hash with a salt of its own.
    ///
    /// # Errors
    /// [`AppError::Busy`] when too many wait.
    pub async fn hash(&self, password: SecretString) -> Result<SecretString, AppError> {
        self.run(move || hash(password.expose_secret().as_bytes()))
            .await?
            .map_err(AppError::internal)
    }

    /// Whether `password` is the one of `stored`; without one, the same work and then no.
    ///
    /// # Errors
    /// [`AppError::Busy`] when too many wait.
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<SecretString>,
    ) -> Result<bool, AppError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.as_ref().clone());
        let matches = self.run(move || verify(&password, &stored)).await??;
        Ok(known && matches)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let waiting = self.waiting.try_acquire().map_err(|_| AppError::Busy)?;
        let turn = tokio::time::timeout(MAX_WAIT, self.running.clone().acquire_owned()).await;
        drop(waiting);
        let turn = turn
            .map_err(|_| AppError::Busy)?
            .map_err(AppError::internal)?;
        let span = tracing::Span::current();
        let job = tokio::task::spawn_blocking(move || {
            let done = span.in_scope(work);
            drop(turn); // held by the work itself: a client that hangs up frees no core
            done
        });
        job.await.map_err(AppError::internal)
    }
}

fn hash(password: &[u8]) -> Result<SecretString, argon2::password_hash::Error> {
    let hash = Argon2::default().hash_password(password)?;
    Ok(SecretString::from(hash.to_string()))
}

fn verify(password: &SecretString, stored: &SecretString) -> Result<bool, AppError> {
    use argon2::password_hash::Error;

    let outcome = Argon2::default()
        .verify_password(password.expose_secret().as_bytes(), stored.expose_secret());
    match outcome {
        Ok(()) => Ok(true),
        Err(Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(AppError::internal(error)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let passwords = Passwords::new().unwrap();
        let stored = passwords
            .hash("correct horse battery".into())
            .await
            .unwrap();

        assert!(
            stored
                .expose_secret()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        assert!(
            passwords
                .verify("correct horse battery".into(), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify("correct horse batterz".into(), Some(stored))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify("nobody has this password".into(), None)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn no_byte_of_a_long_password_is_ignored() {
        let passwords = Passwords::new().unwrap();
        let long = "x".repeat(300);
        let stored = passwords.hash(long.clone().into()).await.unwrap();

        let other = format!("{}y", &long[..299]);
        assert!(!passwords.verify(other.into(), Some(stored)).await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn so_many_hashes_wait_and_the_next_is_told_at_once() {
        let passwords = Passwords::new().unwrap();
        // Nobody gets a turn: all who come wait.
        let cores = u32::try_from(passwords.running.available_permits()).unwrap();
        let turns = passwords.running.clone().acquire_many_owned(cores).await;
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.hash("some password".into()).await })
            })
            .collect();
        while passwords.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }

        let refused = passwords.hash("one too many".into()).await;

        assert!(matches!(refused, Err(AppError::Busy)));
        drop(turns);
        for hash in waiting {
            hash.abort();
        }
        assert!(passwords.hash("somebody later".into()).await.is_ok());
    }
}
