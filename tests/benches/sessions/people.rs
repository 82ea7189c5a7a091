//! Signed-in users, and what their browsers send.

use reqwest::Method;
use tests::{
    client::{Client, PASSWORD, Secrets, email},
    db::TestDatabase,
};

/// Users, and sessions of each: below the fifty that one may have.
const N_USERS: usize = 4;
const N_SESSIONS_EACH: usize = 25;

/// Opens accounts in a database, as `app-server user create` would.
pub(crate) async fn open_accounts(database: &TestDatabase) -> anyhow::Result<()> {
    let pool = app_server::db::Database::open(&database.url())?;
    for n in 0..N_USERS {
        let registration = app_server::actions::register::Registration {
            email: email(&name(n)),
            name: name(n),
            password: PASSWORD.into(),
        };
        let clock = shared::clock::Clock::system();
        let role = app_server::domain::user::Role::Buyer;
        app_server::actions::users::create(&pool, &clock, registration, role).await?;
    }
    Ok(())
}

/// Signs everybody in at the shop at `url`, over and over.
pub(crate) async fn sign_in(url: &str) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::new();
    for n in 0..N_USERS * N_SESSIONS_EACH {
        let client = Client::new(url, url, Secrets::default());
        let answer = client.sign_in(&name(n % N_USERS)).await;
        anyhow::ensure!(answer.status == 200, "not signed in: {}", answer.text());
        clients.push(client);
    }
    Ok(clients)
}

/// Signs out by the API.
pub(crate) async fn sign_out(client: &Client) -> anyhow::Result<()> {
    let answer = client.api(Method::DELETE, "/session", None).await;
    anyhow::ensure!(answer.status == 204, "not signed out: {}", answer.text());
    Ok(())
}

fn name(n: usize) -> String {
    format!("person{n}")
}
