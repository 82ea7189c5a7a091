//! One shop: a database of its own, an app-server in this process, a clock that moves.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use app_server::{
    actions::{send_mail::send_due, users},
    config::{Config, VARIABLES, mail::Transport},
    domain::user::Role,
    mail::kept::Kept,
};
use chrono::{SubsecRound, TimeDelta};
use shared::{clock::Clock, settings};

use crate::{
    authenticator,
    client::{Client, Secrets, email},
    db::TestDatabase,
    letter::Letter,
    log, redis,
};

/// A shop without download servers.
pub struct Shop {
    /// Its database.
    pub database: TestDatabase,
    /// Its clock.
    pub clock: Clock,
    /// Where its keys and files are.
    pub folder: Folder,
    /// What its clients were given.
    pub secrets: Secrets,
    server: Option<app_server::Running>,
    config: Config,
    kept: Kept,
    address: SocketAddr,
    log_position: usize,
}

impl Shop {
    /// Starts one with the default configuration and PAYMENTS=test.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts one with these variables set; without SMTP_URL, letters are kept in memory.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        Self::with_config(variables, |_| {}).await
    }

    /// Starts one with these variables set, and what no variable sets.
    pub async fn with_config(variables: &[(&str, &str)], change: impl FnOnce(&mut Config)) -> Self {
        log::start();
        let log_position = log::position();
        let database = TestDatabase::create().await;
        let folder = Folder::new();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let mut config = config(&database.url(), address, &folder, variables);
        let kept = Kept::default();
        if let Transport::LogOnly = config.mail.transport {
            config.mail.transport = Transport::Memory(kept.clone());
        }
        change(&mut config);
        let clock = Clock::manual(Clock::system().now().trunc_subsecs(0));
        let server = app_server::start(config.clone(), clock.clone(), listener).expect("a shop");
        Self {
            database,
            clock,
            folder,
            secrets: Secrets::default(),
            server: Some(server),
            config,
            kept,
            address,
            log_position,
        }
    }

    /// Its public address.
    pub fn url(&self) -> String {
        self.config.app_url.to_string()
    }

    /// What it was configured with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its app-server.
    pub fn server(&self) -> &app_server::Running {
        self.server.as_ref().expect("running until it is stopped")
    }

    /// Somebody new.
    pub fn visitor(&self) -> Client {
        Client::new(&self.url(), &self.url(), self.secrets.clone())
    }

    /// Somebody who has just registered under this name.
    pub async fn user(&self, name: &str) -> Client {
        let client = self.visitor();
        let answer = client.register(name).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        client
    }

    /// Somebody who is an admin, signed in, with a second factor.
    pub async fn admin(&self, name: &str) -> Client {
        let client = self.user(name).await;
        let state = self.server().state();
        let address = email(name);
        users::set_role(&state.database, &state.clock, &address, Role::Admin)
            .await
            .expect("an admin");
        assert_eq!(client.sign_in(name).await.status, 200);
        authenticator::enrol(self, &client).await;
        client
    }

    /// All letters so far, once every one that is due has left; the oldest first.
    ///
    /// Their links are noted as secrets.
    pub async fn letters(&self) -> Vec<Letter> {
        send_due(self.server().state()).await.expect("an outbox");
        // Another server of this shop may be sending one just now.
        let db = self.database.client().await;
        for _ in 0..500 {
            let waiting = "select from mails where sent_at is null and given_up_at is null and n_attempts > 0";
            if db.query(waiting, &[]).await.expect("the outbox").is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        self.kept_letters()
    }

    /// The letters to this address, the oldest first.
    pub async fn letters_to(&self, recipient: &str) -> Vec<Letter> {
        let mut letters = self.letters().await;
        letters.retain(|letter| letter.recipient == recipient);
        letters
    }

    /// The newest letter of this kind.
    ///
    /// # Panics
    /// When there is none.
    pub async fn letter(&self, kind: app_server::domain::mail::Letter) -> Letter {
        let letters = self.letters().await.into_iter().rev();
        let mut of_kind = letters.filter(|letter| letter.kind == kind);
        of_kind
            .next()
            .unwrap_or_else(|| panic!("no letter {kind:?}"))
    }

    /// The letters that have left by themselves so far, the oldest first.
    pub fn kept_letters(&self) -> Vec<Letter> {
        let letters: Vec<Letter> = self.kept.all().into_iter().map(Letter::from).collect();
        let secrets = letters.iter().filter_map(Letter::secret);
        self.secrets
            .lock()
            .expect("no panic while noting")
            .extend(secrets);
        letters
    }

    /// Moves the clock.
    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    /// Runs SQL behind the shop's back.
    pub async fn sabotage(&self, sql: &str) {
        let db = self.database.client().await;
        db.batch_execute(sql).await.expect("sabotage");
    }

    /// A second app-server over the same database, keys and files; where it is reached.
    ///
    /// Both have one APP_URL, as behind a load balancer.
    pub fn second_server(&self) -> (app_server::Running, String) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let server =
            app_server::start(self.config.clone(), self.clock.clone(), listener).expect("a second");
        let base = format!("http://{}", server.address);
        (server, base)
    }

    /// Stops the app-server at once.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill().await;
        }
    }

    /// Stops the app-server and starts it again on the same port.
    pub async fn restart(&mut self) {
        self.stop().await;
        let listener = TcpListener::bind(self.address).expect("the port just left");
        let server =
            app_server::start(self.config.clone(), self.clock.clone(), listener).expect("a shop");
        self.server = Some(server);
    }

    /// The same with these variables set anew.
    pub async fn restart_with(&mut self, variables: &[(&str, &str)]) {
        let url = self.database.url();
        self.config = config(&url, self.address, &self.folder, variables);
        self.restart().await;
    }

    /// What was logged since this shop began, by every server of this process.
    pub fn log(&self) -> String {
        log::since(self.log_position)
    }

    /// Ends it: no secret that a client was given may be in the log or the database.
    pub async fn end(mut self) {
        self.kept_letters();
        let log = self.log();
        let dump = dump(&self.database).await;
        let secrets = std::mem::take(&mut *self.secrets.lock().expect("no panic while noting"));
        for secret in &secrets {
            assert!(!log.contains(secret), "a secret is in the log: {secret}");
            assert!(
                !dump.contains(secret),
                "a secret is in the database: {secret}"
            );
        }
        if let Some(server) = self.server.take() {
            server.kill().await;
        }
    }
}

/// Every row of every table, as text.
async fn dump(database: &TestDatabase) -> String {
    let db = database.client().await;
    let tables =
        "select table_name::text from information_schema.tables where table_schema = 'public'";
    let mut dump = String::new();
    for table in db.query(tables, &[]).await.expect("the tables") {
        let table: String = table.get(0);
        let rows = db
            .query(&format!("select t::text from {table} t"), &[])
            .await
            .expect("the rows");
        for row in rows {
            dump.push_str(&row.get::<_, String>(0));
            dump.push('\n');
        }
    }
    dump
}

/// What shops in tests seal second factors with: 32 times `S`.
pub const SECRETS_KEY: &str = "U1NTU1NTU1NTU1NTU1NTU1NTU1NTU1NTU1NTU1NTU1M=";

/// The configuration of a shop in tests, by the same reader as in life.
pub fn config(
    database_url: &str,
    address: SocketAddr,
    folder: &Folder,
    variables: &[(&str, &str)],
) -> Config {
    let mut environment = vec![
        ("DATABASE_URL".to_owned(), database_url.to_owned()),
        ("APP_LISTEN".to_owned(), address.to_string()),
        (
            "APP_URL".to_owned(),
            format!("http://localhost:{}", address.port()),
        ),
        (
            "KEYS_DIR".to_owned(),
            folder.path().join("keys").display().to_string(),
        ),
        (
            "FILES_URL".to_owned(),
            format!("file://{}", folder.path().join("files").display()),
        ),
        ("SECRETS_KEY".to_owned(), SECRETS_KEY.to_owned()),
        ("PAYMENTS".to_owned(), "test".to_owned()),
        ("WORKERS".to_owned(), "1".to_owned()),
    ];
    if let Some(redis) = redis::of_this_suite() {
        environment.push(("SESSION_STORE".to_owned(), redis.url()));
    }
    for (name, value) in variables {
        environment.retain(|(given, _)| given != name);
        environment.push(((*name).to_owned(), (*value).to_owned()));
    }
    let command = settings::command(clap::Command::new("app-server"), VARIABLES);
    let matches = command
        .try_get_matches_from(["app-server"])
        .expect("no arguments");
    Config::read(&matches, environment, settings::Mistakes::default()).expect("a configuration")
}

/// A folder that goes with the test.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one with places for keys and files.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "claimcheck-test-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        for part in ["keys", "files"] {
            std::fs::create_dir_all(path.join(part)).expect("a folder in the temporary place");
        }
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left over, it is only a little disk.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
