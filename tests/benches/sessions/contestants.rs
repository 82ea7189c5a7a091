//! Who is compared, each in a process of its own.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tests::{client::Client, db::TestDatabase, programs::Running, redis::Redis, shop::Folder};

use crate::{Role, figures::Series, handlers, people, process::Usage};

/// A server and what it is asked.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// Whole requests, one for each session.
    pub(crate) requests: Vec<String>,
    pub(crate) rate: Series,
    /// Microseconds of processor time in its own process, for each request.
    pub(crate) cost: Series,
    /// From request to answer, in milliseconds: all but one in a hundred.
    pub(crate) latency: Series,
    /// Of the cookie header, for each request.
    pub(crate) n_bytes: usize,
    /// How long a credential that was ended goes on working.
    pub(crate) revoked_for: String,
    /// What its rate must be, as a part of the query's alone.
    pub(crate) bound: Option<f64>,
    kind: Kind,
    /// What it needs besides.
    pub(crate) redis: Option<Redis>,
    process: Arc<Process>,
}

enum Kind {
    /// Its sessions can be ended; by one of these.
    Shop(Box<Client>),
    Query,
    Token,
}

/// A process, and what it needs for as long as it runs.
struct Process {
    running: Running,
    _folder: Folder,
    _database: Arc<TestDatabase>,
}

impl Contestant {
    /// The handler that everything is measured by.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self.kind, Kind::Query)
    }

    /// Processor time of its process so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        Ok(Usage::of_group(self.process.running.id())?.cpu)
    }

    /// Ends a credential, and asks with it until it is refused.
    pub(crate) async fn measure_revocation(&mut self) -> anyhow::Result<()> {
        let Kind::Shop(client) = &self.kind else {
            return Ok(());
        };
        let copied = client.at(&url(self.address));
        people::sign_out(client).await?;
        let ended_at = Instant::now();
        let mut n_answered = 0;
        while !copied.user().await.is_null() {
            n_answered += 1;
            if ended_at.elapsed() > Duration::from_secs(60) {
                bail!("a session that was ended goes on");
            }
        }
        self.revoked_for = format!("{n_answered} requests");
        Ok(())
    }
}

/// Starts all of them, with people signed in.
pub(crate) async fn start() -> anyhow::Result<Vec<Contestant>> {
    let database = Arc::new(TestDatabase::create().await);
    people::open_accounts(&database).await?;
    let mut all = Vec::new();
    let (postgres, clients) = shop("shop, sessions in PostgreSQL", &database, &[]).await?;
    let bare = Process::start(Role::Bare, &database, &[]).await?;
    let requests = clients
        .iter()
        .map(|client| request(bare.1, "/query", &client.cookies()));
    all.push(Contestant {
        name: "only the query, in the same server",
        address: bare.1,
        requests: requests.collect(),
        rate: Series::default(),
        cost: Series::default(),
        latency: Series::default(),
        n_bytes: postgres.n_bytes,
        revoked_for: "0 requests".to_owned(),
        bound: None,
        kind: Kind::Query,
        redis: None,
        process: Arc::clone(&bare.0),
    });
    all.push(postgres);
    if let Some(redis) = Redis::start() {
        let variables = [("SESSION_STORE", redis.url())];
        let name = "shop, sessions in Redis";
        // A shop that keeps sessions in Redis ends those that it finds in its database.
        let database = Arc::new(TestDatabase::create().await);
        people::open_accounts(&database).await?;
        let (mut contestant, _) = shop(name, &database, &variables).await?;
        contestant.redis = Some(redis);
        all.push(contestant);
    }
    let token = handlers::token(chrono::Utc::now())?;
    let cookies = format!("{}={token}", handlers::COOKIE);
    all.push(Contestant {
        name: "a signed token (HS256), nothing asked",
        address: bare.1,
        requests: vec![request(bare.1, "/token", &cookies)],
        rate: Series::default(),
        cost: Series::default(),
        latency: Series::default(),
        n_bytes: cookies.len(),
        revoked_for: format!("until it expires: {} s here", handlers::TOKEN_LIFETIME_SECS),
        bound: None,
        kind: Kind::Token,
        redis: None,
        process: bare.0,
    });
    Ok(all)
}

async fn shop(
    name: &'static str,
    database: &Arc<TestDatabase>,
    variables: &[(&str, String)],
) -> anyhow::Result<(Contestant, Vec<Client>)> {
    let (process, address) = Process::start(Role::Shop, database, variables).await?;
    let clients = people::sign_in(&url(address)).await?;
    let requests = clients
        .iter()
        .map(|client| request(address, "/api/v1/session", &client.cookies()));
    let contestant = Contestant {
        name,
        address,
        requests: requests.collect(),
        rate: Series::default(),
        cost: Series::default(),
        latency: Series::default(),
        n_bytes: clients.first().map_or(0, |client| client.cookies().len()),
        revoked_for: String::new(),
        bound: variables.is_empty().then_some(0.75),
        kind: Kind::Shop(Box::new(
            clients.first().context("nobody signed in")?.clone(),
        )),
        redis: None,
        process,
    };
    Ok((contestant, clients))
}

fn url(address: SocketAddr) -> String {
    format!("http://localhost:{}", address.port())
}

fn request(address: SocketAddr, path: &str, cookies: &str) -> String {
    let port = address.port();
    format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookies}\r\n\r\n")
}

impl Process {
    async fn start(
        role: Role,
        database: &Arc<TestDatabase>,
        variables: &[(&str, String)],
    ) -> anyhow::Result<(Arc<Self>, SocketAddr)> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let folder = Folder::new();
        let workers = std::thread::available_parallelism()?.to_string();
        let mut settings = vec![
            ("DATABASE_URL", database.url()),
            ("APP_LISTEN", address.to_string()),
            ("APP_URL", url(address)),
            ("KEYS_DIR", folder.path().join("keys").display().to_string()),
            (
                "FILES_URL",
                format!("file://{}", folder.path().join("files").display()),
            ),
            ("WORKERS", workers),
            ("RUST_LOG", "info".to_owned()),
        ];
        std::fs::create_dir_all(folder.path().join("files"))?;
        settings.extend(variables.iter().map(|(name, value)| (*name, value.clone())));
        let mut arguments = vec![
            "-c".to_owned(),
            r#"exec env "$@" 2>&1"#.to_owned(),
            "sh".to_owned(),
        ];
        arguments.extend(
            settings
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        arguments.push(std::env::current_exe()?.display().to_string());
        arguments.push(format!("--serve={}", format!("{role:?}").to_lowercase()));
        let log = folder.path().join("server.log");
        let running = Running::start(
            Path::new("sh"),
            &arguments,
            Stdio::from(File::create(&log)?),
        );
        let started = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            if started.elapsed() > Duration::from_secs(20) {
                bail!("does not start: {}", std::fs::read_to_string(&log)?);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let process = Self {
            running,
            _folder: folder,
            _database: Arc::clone(database),
        };
        Ok((Arc::new(process), address))
    }
}

/// The shop as `app-server serve` starts it, in this program.
pub(crate) fn serve_shop() -> anyhow::Result<()> {
    let arguments = ["app-server".into(), "serve".into()];
    let code = app_server::cli::run(arguments, app_server::config::environment());
    anyhow::ensure!(code == std::process::ExitCode::SUCCESS, "the shop ended");
    Ok(())
}
