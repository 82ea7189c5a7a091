//! A download-server, its files, its clock and the key that signs for it.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta};
use download_server::{
    Running,
    config::{Config, Jwks, LeaseKey},
    start,
};
use secrecy::SecretString;
use shared::{
    clock::Clock,
    file_store::StorageKey,
    key_set::{KeySet, PublicKey},
    token::{DownloadToken, Header, signing_input},
};
use uuid::Uuid;

use crate::{
    store::Store,
    wire::{Answer, exchange, request},
};

pub(crate) const ISSUER: &str = "http://localhost:8080";
pub(crate) const PUBLISHED_AT: i64 = 1_700_000_000;
/// 2026-01-01T00:00:00Z
pub(crate) const START: i64 = 1_767_225_600;

/// A key that signs tokens.
pub(crate) struct Signer {
    pair: Ed25519KeyPair,
    pub(crate) public: PublicKey,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public = PublicKey::from_bytes(pair.public_key().as_ref().try_into().unwrap());
        Self { pair, public }
    }

    pub(crate) fn kid(&self) -> &str {
        self.public.kid()
    }

    pub(crate) fn sign(&self, claims: &DownloadToken) -> String {
        self.sign_text(&signing_input(&Header::new(self.kid()), claims))
    }

    /// Signs any header and claims, right or wrong.
    pub(crate) fn sign_json(&self, header: &str, claims: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        self.sign_text(&format!("{}.{}", encode(header), encode(claims)))
    }

    fn sign_text(&self, input: &str) -> String {
        let signature = self.pair.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Claims signed at `now` for the server that calls itself `url`.
pub(crate) fn claims(url: &str, now: i64, key: StorageKey, size: u64) -> DownloadToken {
    static N_FILES: AtomicU64 = AtomicU64::new(1);
    DownloadToken {
        iss: ISSUER.to_owned(),
        aud: url.to_owned(),
        sub: Uuid::new_v4(),
        jti: Uuid::new_v4(),
        iat: now,
        exp: now + 120,
        fid: Uuid::from_u128(N_FILES.fetch_add(1, Ordering::Relaxed).into()),
        key,
        size,
        media_type: "application/pdf".to_owned(),
        published_at: PUBLISHED_AT,
        name: "guide.pdf".to_owned(),
    }
}

/// A folder of its own, gone when dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("claimcheck-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running download-server with one file in its store.
pub(crate) struct Node {
    pub(crate) running: Running,
    pub(crate) clock: Clock,
    pub(crate) signer: Signer,
    pub(crate) url: String,
    pub(crate) config: Config,
    pub(crate) store: Store,
    content: Vec<u8>,
    folder: Folder,
}

impl Node {
    /// A node that is ready, with a file of 1,000 bytes.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A node whose configuration `change` has changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let content: Vec<u8> = (0..1_000_u32)
            .flat_map(u32::to_be_bytes)
            .take(1_000)
            .collect();
        let folder = Folder::new();
        let signer = Signer::new();
        let jwks = folder.0.join("jwks.json");
        std::fs::write(
            &jwks,
            KeySet::from_keys(vec![signer.public.clone()]).to_json(),
        )
        .unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let store = Store::start(&folder.0);
        let mut config = Config::new(
            url.parse().unwrap(),
            ISSUER.parse().unwrap(),
            Jwks::File(jwks),
            &store.url(),
        );
        config.bucket = store.access();
        config.jwks_pause = Duration::from_millis(5);
        config.quiet = Duration::from_millis(10);
        config.workers = 2;
        let key = SecretString::from("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned());
        config.lease_key = LeaseKey::parse(&key);
        change(&mut config);

        let clock = Clock::manual(DateTime::from_timestamp(START, 0).unwrap());
        let url = config.download_url.to_string();
        let running = start(config.clone(), clock.clone(), listener)
            .await
            .unwrap();
        let node = Self {
            running,
            clock,
            signer,
            url,
            config,
            store,
            content,
            folder,
        };
        node.store.put(&node.content);
        node.running.refresh_keys().await;
        node.pass(i64::from(node.config.max_clock_skew_secs) + 1);
        node
    }

    /// Kills the server and starts another in its place, at the clock's present time.
    pub(crate) async fn restart(self) -> Self {
        let address = self.address();
        self.running.kill().await;
        // Another test's client may have been given the port meanwhile, for a moment.
        let listener = loop {
            match TcpListener::bind(address) {
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                bound => break bound.unwrap(),
            }
        };
        let running = start(self.config.clone(), self.clock.clone(), listener)
            .await
            .unwrap();
        running.refresh_keys().await;
        Self { running, ..self }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    pub(crate) fn jwks_file(&self) -> PathBuf {
        self.folder.0.join("jwks.json")
    }

    /// Lets `secs` pass on the server's clock.
    pub(crate) fn pass(&self, secs: i64) {
        self.clock.advance(TimeDelta::seconds(secs));
    }

    /// Claims signed now, for this node and its file.
    pub(crate) fn claims(&self) -> DownloadToken {
        self.claims_for(&self.content)
    }

    /// Claims signed now, for the file that holds `bytes`.
    pub(crate) fn claims_for(&self, bytes: &[u8]) -> DownloadToken {
        let size = bytes.len() as u64;
        let key = self.store.put(bytes);
        claims(&self.url, self.clock.unix_secs(), key, size)
    }

    /// The path of a good token.
    pub(crate) fn link(&self) -> String {
        self.link_of(&self.claims())
    }

    pub(crate) fn link_of(&self, claims: &DownloadToken) -> String {
        format!("/d/{}", self.signer.sign(claims))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers).await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.ask("HEAD", path, &[]).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        exchange(self.address(), &request(method, path, headers))
            .await
            .unwrap()
    }

    /// Waits until no delivery is running.
    pub(crate) async fn until_idle(&self) {
        while self.running.n_streams() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until as many connections are open.
    pub(crate) async fn until_connections(&self, n_open: usize) {
        while self.running.n_connections() != n_open {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn ready(&self) -> (u16, serde_json::Value) {
        let answer = self.get("/readyz").await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }
}
