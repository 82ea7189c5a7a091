//! A request in flight during a revocation does not bring the session back.
//!
//! The scenario is one function; it is run against our store, where the session stays ended, and
//! against a store that upserts, as actix-session's own stores do, where it comes back: so the
//! test can fail.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use actix_session::{
    Session, SessionMiddleware,
    storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError},
};
use actix_web::{App, HttpServer, cookie::Key, web};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::Value;
use tests::{
    client::{Client, Secrets},
    shop::Shop,
};
use tokio::sync::Notify;

/// Sends a request that writes to the session, revokes while it runs, and says whether the cookie
/// still counts afterwards.
async fn revives(
    request: impl Future<Output = ()>,
    is_running: &Notify,
    revoke: impl Future<Output = ()>,
    go_on: &Notify,
) {
    let revocation = async {
        is_running.notified().await;
        revoke.await;
        go_on.notify_one();
    };
    tokio::join!(request, revocation);
}

#[tokio::test]
async fn a_request_in_flight_does_not_revive_a_revoked_session() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let before = ada.cookies();
    // More than a minute later a request writes `last_seen_at`: a write after the revocation.
    shop.advance(TimeDelta::minutes(5));
    let (is_running, go_on) = (Notify::new(), Notify::new());

    // A lock on the row of the user's carts holds the handler between lookup and write.
    let mut blocker = shop.database.client().await;
    let lock = blocker.transaction().await.unwrap();
    lock.batch_execute("lock table cart_items in access exclusive mode")
        .await
        .unwrap();
    let request = async {
        let answer = ada.get("/api/v1/cart").await;
        assert_eq!(answer.status, 200, "the answer is kept: {}", answer.text());
        assert!(
            answer
                .set_cookies()
                .iter()
                .any(|cookie| cookie.contains("Max-Age=0")),
            "the cookie is removed"
        );
    };
    let watch = async {
        wait_until_blocked(&shop).await;
        is_running.notify_one();
        go_on.notified().await;
        lock.commit().await.unwrap();
    };
    let revoke =
        shop.sabotage("update sessions set revoked_at = created_at, revoked_reason = 'signed_out'");
    tokio::join!(revives(request, &is_running, revoke, &go_on), watch);

    let again = shop.visitor();
    for cookie in before.split("; ") {
        again.set_cookie(cookie);
    }
    assert_eq!(again.user().await, Value::Null, "still ended");
    let db = shop.database.client().await;
    let live: i64 = db
        .query_one(
            "select count(*) from sessions where revoked_at is null",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(live, 0);
    shop.end().await;
}

async fn wait_until_blocked(shop: &Shop) {
    let db = shop.database.client().await;
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    loop {
        let n_waiting: i64 = db.query_one(waiting, &[]).await.unwrap().get(0);
        if n_waiting > 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// A store that writes whatever it is given under the key it is given: a revoked key is re-created.
#[derive(Clone, Default)]
struct Upserting(Arc<Mutex<HashMap<String, HashMap<String, String>>>>);

impl SessionStore for Upserting {
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        Ok(self.0.lock().unwrap().get(key.as_ref()).cloned())
    }

    async fn save(
        &self,
        state: HashMap<String, String>,
        _: &actix_web::cookie::time::Duration,
    ) -> Result<SessionKey, SaveError> {
        let key = uuid::Uuid::new_v4().to_string();
        self.0.lock().unwrap().insert(key.clone(), state);
        Ok(SessionKey::try_from(key).unwrap())
    }

    async fn update(
        &self,
        key: SessionKey,
        state: HashMap<String, String>,
        _: &actix_web::cookie::time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        self.0
            .lock()
            .unwrap()
            .insert(key.as_ref().to_owned(), state);
        Ok(key)
    }

    async fn update_ttl(
        &self,
        _: &SessionKey,
        _: &actix_web::cookie::time::Duration,
    ) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        self.0.lock().unwrap().remove(key.as_ref());
        Ok(())
    }
}

#[derive(Default)]
struct Gates {
    is_running: Notify,
    go_on: Notify,
}

async fn sign_in(session: Session) -> String {
    session.insert("user", "ada").unwrap();
    "in".to_owned()
}

async fn who(session: Session) -> String {
    session.get::<String>("user").unwrap().unwrap_or_default()
}

async fn slow_write(session: Session, gates: web::Data<Gates>) -> String {
    gates.is_running.notify_one();
    gates.go_on.notified().await;
    session.insert("seen", "now").unwrap();
    "written".to_owned()
}

#[tokio::test]
async fn the_same_scenario_revives_the_session_of_an_upserting_store() {
    let store = Upserting::default();
    let gates = web::Data::new(Gates::default());
    let (for_server, gates_for_server) = (store.clone(), gates.clone());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = HttpServer::new(move || {
        App::new()
            .wrap(
                SessionMiddleware::builder(for_server.clone(), Key::from(&[7; 64]))
                    .cookie_secure(false)
                    .build(),
            )
            .app_data(gates_for_server.clone())
            .route("/in", web::get().to(sign_in))
            .route("/who", web::get().to(who))
            .route("/write", web::get().to(slow_write))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .unwrap()
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    let ada = Client::new(&base, &base, Secrets::default());
    ada.get("/in").await;
    assert_eq!(ada.get("/who").await.text(), "ada");

    let request = async {
        ada.send(ada.request(Method::GET, "/write")).await;
    };
    let revoke = async { store.0.lock().unwrap().clear() };
    revives(request, &gates.is_running, revoke, &gates.go_on).await;

    assert_eq!(
        ada.get("/who").await.text(),
        "ada",
        "an upserting store signs the revoked session in again"
    );
    handle.stop(false).await;
}
