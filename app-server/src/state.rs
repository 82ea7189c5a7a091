//! What every handler may use.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use secrecy::ExposeSecret;
use shared::{clock::Clock, file_store::FileStore};

use crate::{
    actions::{passwords::Passwords, sessions::Sessions},
    config::Config,
    countries::Countries,
    db::{self, Database, Db},
    keys::Signer,
    mail::post::Post,
    nodes::Nodes,
};

/// What every handler may use; one for all threads.
pub struct AppState {
    /// What the operator set.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// Connections.
    pub database: Database,
    /// The one way to sessions.
    pub sessions: Sessions,
    /// Hashing and verifying, a few at a time.
    pub passwords: Passwords,
    /// The way letters leave.
    pub post: Post,
    /// Which country an address is in.
    pub countries: Countries,
    /// The published files.
    pub files: FileStore,
    /// Signs download tokens.
    pub signer: Signer,
    /// The download servers and how they are.
    pub nodes: Nodes,
    draining: AtomicBool,
    n_running: AtomicUsize,
}

impl AppState {
    /// Opens what a server needs; the database is connected to with the first question.
    ///
    /// # Errors
    /// The keys or the file store cannot be opened.
    pub fn open(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let database = Database::open(config.database_url.expose_secret())?;
        Ok(Self {
            sessions: Sessions::new(database.clone(), clock.clone(), &config)?,
            passwords: Passwords::new()?,
            post: Post::open(&config.mail, &config.app_url)?,
            countries: Countries::open(config.geoip_db.as_deref())?,
            files: FileStore::open(&config.files_url, &config.bucket)?,
            signer: Signer::open(&config.keys_dir, clock.clone())?,
            nodes: Nodes::new(&config)?,
            database,
            clock,
            config,
            draining: AtomicBool::new(false),
            n_running: AtomicUsize::new(0),
        })
    }

    /// A connection within this request's budget.
    ///
    /// # Errors
    /// None could be had in time.
    pub async fn db(&self) -> db::Result<Db> {
        self.database.client().await
    }

    /// From now on `/readyz` says no, so that a load balancer sends visitors elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// True once a stop was asked for.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Counts a request for as long as the guard lives.
    pub fn running(&self) -> Running<'_> {
        self.n_running.fetch_add(1, Ordering::SeqCst);
        Running(&self.n_running)
    }

    /// Requests being served now.
    pub fn n_running(&self) -> usize {
        self.n_running.load(Ordering::SeqCst)
    }
}

/// One request being served.
pub struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
