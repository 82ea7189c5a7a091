//! The database killed, hung and restarted beneath the shop.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use app_server::db::migrate;
use chrono::SubsecRound;
use demo::postgres::{cluster::Cluster, programs::find_programs};
use shared::clock::Clock;
use tests::{
    client::{Answer, Client, Secrets},
    log,
    shop::{Folder, config},
};

/// A shop over a cluster of its own, which can be mistreated.
struct Fragile {
    cluster: Cluster,
    server: app_server::Running,
    ada: Client,
    _folder: Folder,
}

impl Fragile {
    async fn start() -> Self {
        log::start();
        let programs = find_programs().expect("PostgreSQL's programs");
        let cluster = tokio::task::spawn_blocking(move || Cluster::throwaway(&programs))
            .await
            .unwrap()
            .unwrap();
        let url = cluster.url("postgres");
        migrate::run(&url).await.unwrap();
        let folder = Folder::new();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let config = config(&url, listener.local_addr().unwrap(), &folder, &[]);
        let app_url = config.app_url.to_string();
        let clock = Clock::manual(Clock::system().now().trunc_subsecs(0));
        let server = app_server::start(config, clock, listener).unwrap();
        let ada = Client::new(&app_url, &app_url, Secrets::default());
        assert_eq!(ada.register("ada").await.status, 201);
        Self {
            cluster,
            server,
            ada,
            _folder: folder,
        }
    }

    /// Asks page and API at once, and more than the pool has connections; all must answer in time.
    async fn ask_often(&self) -> Vec<Answer> {
        let questions = (0..30).map(|n| {
            let path = if n % 2 == 0 {
                "/account"
            } else {
                "/api/v1/session"
            };
            tokio::time::timeout(Duration::from_secs(5), self.ada.get(path))
        });
        let answers = futures_util::future::join_all(questions).await;
        answers
            .into_iter()
            .map(|answer| answer.expect("an answer within five seconds"))
            .collect()
    }

    async fn assert_unavailable(&self) {
        for answer in self.ask_often().await {
            assert_eq!(answer.status, 503, "never 401: {}", answer.text());
            assert!(answer.set_cookies().is_empty(), "the cookie stays");
            assert!(!answer.header("retry-after").is_empty());
        }
    }

    /// Recovery is up to the shop; it may take a request or two.
    async fn assert_recovers(&self) {
        for _ in 0..50 {
            if self.ada.get("/account").await.status == 200 {
                let answers = self.ask_often().await;
                assert!(answers.iter().all(|answer| answer.status == 200));
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("did not recover: {}", self.ada.get("/account").await.text());
    }

    /// Sends a signal to the server and all its children.
    fn signal_all(&self, signal: &str) {
        let pid = self
            .cluster
            .server_pid()
            .expect("a running server")
            .to_string();
        let children = Command::new("pgrep")
            .args(["-P", &pid])
            .output()
            .expect("pgrep");
        let children = String::from_utf8_lossy(&children.stdout).into_owned();
        let pids = std::iter::once(pid.as_str()).chain(children.split_whitespace());
        let status = Command::new("kill")
            .arg(format!("-{signal}"))
            .args(pids)
            .status();
        assert!(status.expect("kill").success());
    }

    async fn end(self) {
        self.server.kill().await;
        tokio::task::spawn_blocking(move || self.cluster.stop())
            .await
            .unwrap()
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_database_is_503_until_it_is_back() {
    let mut shop = Fragile::start().await;

    shop.cluster.crash().unwrap();
    shop.assert_unavailable().await;
    let ready = shop.ada.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(shop.ada.get("/healthz").await.status, 200);

    shop.cluster.restart().unwrap();
    shop.assert_recovers().await;
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_database_is_503_within_seconds_and_then_works_again() {
    let shop = Fragile::start().await;
    shop.ask_often().await;

    shop.signal_all("STOP");
    shop.assert_unavailable().await;

    shop.signal_all("CONT");
    shop.assert_recovers().await;
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_while_the_database_dies_and_returns_are_200_or_503() {
    let mut shop = Fragile::start().await;
    let (ada, over) = (shop.ada.clone(), Arc::new(AtomicBool::new(false)));
    let askers = (0..4).map(|_| {
        let (ada, over) = (ada.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            let mut statuses = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let asked = tokio::time::timeout(Duration::from_secs(5), ada.get("/account"));
                let answer = asked.await.expect("an answer within five seconds");
                assert!(answer.set_cookies().is_empty(), "the cookie stays");
                statuses.push(answer.status.as_u16());
            }
            statuses
        })
    });
    let askers: Vec<_> = askers.collect();

    for _ in 0..3 {
        shop.cluster.crash().unwrap();
        shop.cluster.restart().unwrap();
        shop.assert_recovers().await;
    }
    over.store(true, Ordering::Relaxed);

    let statuses = futures_util::future::join_all(askers).await;
    let statuses: Vec<u16> = statuses.into_iter().flat_map(Result::unwrap).collect();
    assert!(
        statuses.iter().all(|status| [200, 503].contains(status)),
        "never signed out: {statuses:?}"
    );
    assert!(statuses.contains(&503), "the outage was noticed");
    shop.end().await;
}
