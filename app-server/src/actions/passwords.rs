//! Hashing and verifying passwords: off the async threads, a few at a time, in constant work.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::PasswordHash,
};
use secrecy::{ExposeSecret, SecretString};
use shared::base_url::BaseUrl;
use tokio::sync::Semaphore;

use crate::{
    domain::{
        password::{Context, min_chars, normalised, weakness},
        user::User,
    },
    error::AppError,
};

/// Each hash takes 19 MiB and one core for some 20 ms; more than this many waiting is an attack
/// or an outage, and 503 is kinder than a queue of minutes.
const MAX_WAITING: usize = 200;

/// How long a hash may wait for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Whose password it is to be.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The address.
    pub email: &'a str,
    /// What the shop calls them.
    pub name: &'a str,
    /// Signing in takes a code as well.
    pub second_factor: bool,
    /// The shop's own host name, where it is known.
    pub host: Option<&'a str>,
}

impl<'a> Owner<'a> {
    /// `user` of the shop at `app_url`.
    pub fn of(user: &'a User, second_factor: bool, app_url: &'a BaseUrl) -> Self {
        Self {
            email: &user.email,
            name: &user.name,
            second_factor,
            host: Some(app_url.host()),
        }
    }
}

/// What a password is, held against a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another one.
    Wrong,
    /// The one that was hashed.
    Right,
    /// The one that was hashed, but today it would be hashed in another way.
    Outdated,
}

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
        self.run(move || hash(normalised(password.expose_secret()).as_bytes()))
            .await?
            .map_err(AppError::internal)
    }

    /// Why a new password is refused, in words for whoever chose it.
    ///
    /// # Errors
    /// [`AppError::Busy`] when too many wait.
    pub async fn weakness(
        &self,
        new: &SecretString,
        owner: Owner<'_>,
    ) -> Result<Option<String>, AppError> {
        let new = new.clone();
        let context = Context::new(owner.host, owner.email, owner.name);
        let min_chars = min_chars(owner.second_factor);
        self.run(move || weakness(new.expose_secret(), min_chars, &context))
            .await
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
        Ok(self.judge(password, stored).await? != Verdict::Wrong)
    }

    /// As [`Self::verify`], and whether the hash should be made anew.
    ///
    /// # Errors
    /// [`AppError::Busy`] when too many wait.
    pub async fn judge(
        &self,
        password: SecretString,
        stored: Option<SecretString>,
    ) -> Result<Verdict, AppError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.as_ref().clone());
        let verdict = self.run(move || judge(&password, &stored)).await??;
        Ok(if known { verdict } else { Verdict::Wrong })
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

/// Compares in the form in which passwords are hashed, and where that is not the form it was typed
/// in, as it was typed: hashes from before NFC are of that.
fn judge(password: &SecretString, stored: &SecretString) -> Result<Verdict, AppError> {
    let typed = password.expose_secret();
    let normalised = normalised(typed);
    if verify(&normalised, stored)? {
        return Ok(if is_outdated(stored) {
            Verdict::Outdated
        } else {
            Verdict::Right
        });
    }
    Ok(if normalised != typed && verify(typed, stored)? {
        Verdict::Outdated
    } else {
        Verdict::Wrong
    })
}

/// Whether a hash was made in another way than [`hash`] makes them now.
fn is_outdated(stored: &SecretString) -> bool {
    let policy = Params::default();
    let Ok(stored) = PasswordHash::new(stored.expose_secret()) else {
        return true;
    };
    let params = Params::try_from(&stored);
    stored.algorithm.as_str() != Algorithm::default().as_str()
        || stored.version != Some(Version::default().into())
        || params.is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost())
                != (policy.m_cost(), policy.t_cost(), policy.p_cost())
        })
}

fn verify(password: &str, stored: &SecretString) -> Result<bool, AppError> {
    use argon2::password_hash::Error;

    let outcome = Argon2::default().verify_password(password.as_bytes(), stored.expose_secret());
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
    async fn hashes_of_another_kind_or_form_verify_and_are_to_be_made_anew() {
        let passwords = Passwords::new().unwrap();
        let judge = async |password: &str, hash: &SecretString| {
            passwords
                .judge(password.into(), Some(hash.clone()))
                .await
                .unwrap()
        };
        let (composed, decomposed) = ("\u{e9}clairs au chocolat", "e\u{301}clairs au chocolat");

        let present = passwords.hash(decomposed.into()).await.unwrap();
        assert_eq!(judge(composed, &present).await, Verdict::Right);
        assert_eq!(judge(decomposed, &present).await, Verdict::Right);
        assert_eq!(judge("cafe au lait", &present).await, Verdict::Wrong);

        let as_typed = hash(decomposed.as_bytes()).unwrap();
        assert_eq!(judge(decomposed, &as_typed).await, Verdict::Outdated);
        assert_eq!(judge(composed, &as_typed).await, Verdict::Wrong);

        let params = Params::new(8_192, 1, 1, None).unwrap();
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let cheap = cheap.hash_password(composed.as_bytes()).unwrap();
        let cheap = SecretString::from(cheap.to_string());
        assert_eq!(judge(composed, &cheap).await, Verdict::Outdated);
        assert_eq!(judge("cafe au lait", &cheap).await, Verdict::Wrong);
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
            // Whoever gave up is gone only then.
            let _ = hash.await;
        }
        assert!(passwords.hash("somebody later".into()).await.is_ok());
    }
}
