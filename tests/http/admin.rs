//! What admins may do, and that nobody else may.

use app_server::http::routes::{API, PAGES};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::Value;
use tests::{
    client::{Answer, Client, email},
    shop::Shop,
};

const NOBODY: &str = "018f0000-0000-7000-8000-000000000000";

async fn id(client: &Client) -> String {
    client.user().await["id"]
        .as_str()
        .expect("signed in")
        .to_owned()
}

/// Asks for every address beneath `/admin` as `client`, with all that CSRF asks for.
async fn ask_all(client: &Client) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    for entry in PAGES.iter().chain(API) {
        if !entry.path.starts_with("/admin") && !entry.path.starts_with("/api/v1/admin") {
            continue;
        }
        let path = entry.path.replace("{id}", NOBODY);
        assert!(!path.contains('{'), "{path}");
        let method: Method = entry.method.as_str().parse().unwrap();
        let answer = if let Some(path) = path.strip_prefix("/api/v1") {
            client.api(method, path, None).await
        } else if method == Method::POST {
            client.post_form(&path, &[]).await
        } else {
            client.get(&path).await
        };
        answers.push((format!("{} {}", entry.method, entry.path), answer));
    }
    answers
}

#[tokio::test]
async fn every_admin_route_refuses_visitors_and_buyers() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let stranger = shop.visitor();
    stranger.get("/").await;

    let signed_out = ask_all(&stranger).await;
    let buyer = ask_all(&ada).await;

    assert!(signed_out.len() >= 13, "the table is empty");
    for (route, answer) in signed_out {
        assert_eq!(answer.status, 401, "{route}");
    }
    for (route, answer) in buyer {
        assert_eq!(answer.status, 403, "{route}");
        if route.contains("/api/") {
            assert_eq!(answer.code(), "forbidden", "{route}");
        }
    }
    let db = shop.database.client().await;
    let refused = db
        .query_one(
            "select count(*), min(details ->> 'address') from audit_events where event = 'authz_fail'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(refused.get::<_, i64>(0), 1, "of one minute, one");
    assert_eq!(refused.get::<_, &str>(1), "/admin/audit");
    shop.end().await;
}

#[tokio::test]
async fn sensitive_calls_ask_for_the_password_again() {
    let shop = Shop::start().await;
    let root = shop.admin("root").await;
    shop.advance(TimeDelta::minutes(10));

    let answers = ask_all(&root).await;

    let mut n_guarded = 0;
    for (route, answer) in answers {
        if route.ends_with("/admin/audit") || route.ends_with("/admin/events") {
            assert_eq!(
                answer.status, 200,
                "{route}: who may look need not prove it again"
            );
            continue;
        }
        n_guarded += 1;
        if route.contains("/api/") {
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (403, "confirm_password"),
                "{route}"
            );
        } else {
            assert_eq!(answer.status, 303, "{route}");
            assert!(
                answer
                    .location()
                    .starts_with("/confirm?next=%2Fadmin%2Fusers"),
                "{route}"
            );
        }
    }
    assert!(n_guarded >= 11);
    for path in ["/account/export", "/account/deletion"] {
        let method = if path.ends_with("export") {
            Method::GET
        } else {
            Method::PUT
        };
        assert_eq!(
            root.api(method, path, None).await.code(),
            "confirm_password"
        );
    }
    shop.end().await;
}

#[tokio::test]
async fn an_admin_ends_somebodys_sessions_at_once() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let root = shop.admin("root").await;
    let (ada_id, root_id) = (id(&ada).await, id(&root).await);

    let ended = root
        .api(
            Method::DELETE,
            &format!("/admin/users/{ada_id}/sessions"),
            None,
        )
        .await;

    assert_eq!(ended.status, 204);
    assert_eq!(ada.user().await, Value::Null);
    assert_eq!(root.user().await["name"], "root");
    let nobody = format!("/admin/users/{NOBODY}/sessions");
    assert_eq!(root.api(Method::DELETE, &nobody, None).await.status, 404);
    let log = root
        .get(&format!("/api/v1/admin/events?user={ada_id}&limit=1"))
        .await
        .json();
    assert_eq!(log["items"][0]["event"], "session_ended");
    assert_eq!(log["items"][0]["actor"]["id"], root_id.as_str());
    ada.sign_in("ada").await;
    let own = ada.get("/account/activity").await.text();
    assert!(own.contains("by the shop's staff") || own.contains("by the shop&#39;s staff"));
    shop.end().await;
}

#[tokio::test]
async fn a_disabled_account_is_out_until_it_is_enabled_again() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let root = shop.admin("root").await;
    let path = format!("/admin/users/{}/disabled", id(&ada).await);

    assert_eq!(root.api(Method::PUT, &path, None).await.status, 204);
    assert_eq!(
        root.api(Method::PUT, &path, None).await.status,
        204,
        "twice is as good"
    );
    assert_eq!(ada.user().await, Value::Null);
    assert_eq!(ada.sign_in("ada").await.status, 401);
    let db = shop.database.client().await;
    let told =
        "select count(*) from mails where kind = 'disabled' and recipient = 'ada@example.org'";
    assert_eq!(db.query_one(told, &[]).await.unwrap().get::<_, i64>(0), 1);
    assert_eq!(root.api(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(ada.sign_in("ada").await.status, 200);

    let page = format!("{path}?done=disabled");
    let done = root.post_form(&path, &[]).await;
    assert_eq!(
        (done.status.as_u16(), done.location()),
        (303, page.replace("/disabled?", "?").as_str())
    );
    assert!(
        root.get(done.location())
            .await
            .text()
            .contains("The account is disabled")
    );
    assert_eq!(ada.user().await, Value::Null);
    shop.end().await;
}

#[tokio::test]
async fn no_admin_disables_themselves_or_the_last_of_them() {
    let shop = Shop::start().await;
    let root = shop.admin("root").await;
    let heir = shop.admin("heir").await;
    let own = format!("/admin/users/{}/disabled", id(&root).await);

    let refused = root.api(Method::PUT, &own, None).await;
    let page = root.post_form(&own, &[]).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (409, "oneself")
    );
    assert_eq!(page.status, 409);
    assert!(page.text().contains("another admin can"));

    assert_eq!(
        root.api(Method::PUT, "/account/deletion", None)
            .await
            .status,
        204
    );
    let other = format!("/admin/users/{}/disabled", id(&heir).await);
    let refused = root.api(Method::PUT, &other, None).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (409, "last_admin")
    );
    shop.end().await;
}

#[tokio::test]
async fn an_admin_starts_a_reset_and_never_sees_a_password() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let root = shop.admin("root").await;
    let ada_id = id(&ada).await;

    let started = root
        .post_form(&format!("/admin/users/{ada_id}/reset"), &[])
        .await;

    let page = root.get(started.location()).await.text();
    assert!(page.contains("A link to set a new password is on its way"));
    assert!(!page.contains("type=\"password\"") && !page.contains("/reset/"));
    let db = shop.database.client().await;
    let mails = db
        .query(
            "select kind, recipient from mails where kind = 'reset_password'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].get::<_, &str>(1), email("ada"));
    assert_eq!(ada.user().await["name"], "ada", "nothing has changed yet");
    for entry in PAGES
        .iter()
        .chain(API)
        .filter(|entry| entry.path.contains("/admin"))
    {
        assert!(!entry.path.contains("password"), "{}", entry.path);
    }
    shop.end().await;
}

#[tokio::test]
async fn accounts_are_found_by_address_and_name_page_by_page() {
    let shop = Shop::start().await;
    for name in ["ada", "bob", "eve", "adam"] {
        shop.user(name).await;
        shop.advance(TimeDelta::seconds(1));
    }
    let root = shop.admin("root").await;
    let found = async |query: &str| {
        let list = root
            .get(&format!("/api/v1/admin/users{query}"))
            .await
            .json();
        crate::shelf::each(&list, "/name")
    };

    assert_eq!(found("?q=ADA").await, ["adam", "ada"]);
    assert_eq!(found("?q=ada@").await, ["ada"]);
    assert_eq!(found("?q=%25").await, Vec::<String>::new(), "no wildcard");
    assert_eq!(found("?limit=2").await, ["root", "adam"]);
    let first = root.get("/api/v1/admin/users?limit=2").await.json();
    let next = first["next"].as_str().unwrap();
    assert_eq!(
        found(&format!("?limit=2&after={next}")).await,
        ["eve", "bob"]
    );
    assert_eq!(root.get("/api/v1/admin/users?limit=0").await.status, 422);
    assert_eq!(root.get("/api/v1/admin/users?after=x").await.status, 422);

    let page = root.get("/admin/users?q=eve").await.text();
    assert!(page.contains("eve@example.org") && !page.contains("bob@example.org"));
    assert!(
        root.get("/admin/users?q=nobody")
            .await
            .text()
            .contains("No account has that")
    );
    let eve = page
        .split("/admin/users/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let eve = root.get(&format!("/admin/users/{eve}")).await.text();
    assert!(
        eve.contains("<dt>Sessions</dt><dd>1</dd>") && eve.contains("<dt>Orders</dt><dd>0</dd>")
    );
    assert_eq!(
        root.get(&format!("/admin/users/{NOBODY}")).await.status,
        404
    );
    shop.end().await;
}

#[tokio::test]
async fn the_audit_log_is_searched_by_event_person_session_day_and_address() {
    let shop = Shop::start().await;
    let ada = shop.user("ada").await;
    let session = ada.get("/api/v1/session").await.json()["session"]["id"].clone();
    let session = session.as_str().unwrap().to_owned();
    let first_day = shop.clock.now().format("%Y-%m-%d").to_string();
    shop.advance(TimeDelta::days(3));
    shop.user("bob").await;
    let root = shop.admin("root").await;
    let found = async |query: &str| {
        let list = root.get(&format!("/api/v1/admin/events?{query}")).await;
        assert_eq!(list.status, 200, "{query}: {}", list.text());
        crate::shelf::each(&list.json(), "/event")
    };
    let opened = ["session_created", "authn_login_success", "user_created"];

    assert_eq!(found("user=ada@example.org").await, opened);
    assert_eq!(
        found(&format!("user={}", id(&root).await))
            .await
            .last()
            .unwrap(),
        "user_created"
    );
    assert_eq!(found(&format!("session={session}")).await, opened);
    assert_eq!(
        found(&format!("from={first_day}&until={first_day}")).await,
        opened
    );
    assert_eq!(found("event=user_created").await.len(), 3);
    assert_eq!(found("event=user_created&limit=2").await.len(), 2);
    assert_eq!(found("user=nobody@example.org").await, Vec::<String>::new());
    assert_eq!(found("ip=192.0.2.1").await, Vec::<String>::new());
    assert_eq!(found("ip=127.0.0.1&event=user_created").await.len(), 3);
    for bad in [
        "event=x",
        "session=x",
        "from=today",
        "until=2026-02-30",
        "after=x",
        "limit=0",
    ] {
        let refused = root.get(&format!("/api/v1/admin/events?{bad}")).await;
        assert_eq!(refused.status, 422, "{bad}");
    }

    let page = root.get("/admin/audit?user=ada%40example.org").await.text();
    assert!(page.contains("user_created") && page.contains("ada@example.org"));
    assert!(!page.contains("bob@example.org"));
    let refused = root.get("/admin/audit?event=x&from=today").await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("There is no event of this name."));
    assert!(
        refused.text().contains("value=\"today\""),
        "what was typed is still there"
    );
    shop.end().await;
}
