//! The least that could be done instead: the query alone, and a token's signature alone.

use std::{env, net::SocketAddr};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    web::{self, Data},
};
use anyhow::Context;
use app_server::{
    db::{self, Database, sessions::find_session},
    domain::{
        secret::SessionSecret,
        session::{self, Session},
        user::User,
    },
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use shared::clock::Clock;

/// The name of the shop's cookie on plain http.
pub(crate) const COOKIE: &str = "claimcheck-session";

/// How long such tokens live where they stand in for sessions: nobody can end one before.
pub(crate) const TOKEN_LIFETIME_SECS: i64 = 900;

/// Signs and verifies; HS256 is the cheapest that is used for this.
const KEY: &[u8] = b"a key of thirty-two bytes for it";

/// What a token that stands in for a session says.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: uuid::Uuid,
    email: String,
    name: String,
    role: String,
    iat: i64,
    exp: i64,
}

/// A token as a session would be one.
pub(crate) fn token(now: chrono::DateTime<chrono::Utc>) -> anyhow::Result<String> {
    let claims = Claims {
        sub: uuid::Uuid::new_v4(),
        email: "person0@example.org".to_owned(),
        name: "person0".to_owned(),
        role: "buyer".to_owned(),
        iat: now.timestamp(),
        exp: now.timestamp() + TOKEN_LIFETIME_SECS,
    };
    let key = EncodingKey::from_secret(KEY);
    Ok(encode(&Header::new(Algorithm::HS256), &claims, &key)?)
}

struct Bare {
    database: Database,
    clock: Clock,
    key: DecodingKey,
    validation: Validation,
}

#[derive(Serialize)]
struct Answer<'a> {
    user: Option<&'a User>,
    session: &'a Session,
}

/// Serves both until it is killed.
pub(crate) fn serve() -> anyhow::Result<()> {
    let listen: SocketAddr = env::var("APP_LISTEN")?.parse()?;
    let workers = env::var("WORKERS")?.parse()?;
    let url = env::var("DATABASE_URL")?;
    let run = async move {
        let bare = Data::new(Bare {
            database: Database::open(&url)?,
            clock: Clock::system(),
            key: DecodingKey::from_secret(KEY),
            validation: Validation::new(Algorithm::HS256),
        });
        let server = HttpServer::new(move || {
            App::new()
                .app_data(bare.clone())
                .route("/query", web::get().to(query))
                .route("/token", web::get().to(verify))
        });
        anyhow::Ok(server.workers(workers).bind(listen)?.run().await?)
    };
    actix_web::rt::System::new().block_on(run)
}

/// The cookie's value, taken as it comes: no signature is looked at.
fn cookie(request: &HttpRequest) -> anyhow::Result<&str> {
    let header = request
        .headers()
        .get("cookie")
        .context("no cookie")?
        .to_str()?;
    let mut pairs = header.split("; ");
    pairs
        .find_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('='))
        .context("no such cookie")
}

async fn query(bare: Data<Bare>, request: HttpRequest) -> HttpResponse {
    let found = async {
        let value = cookie(&request)?;
        // What actix-session signs stands after the signature.
        let secret = value.get(value.len().saturating_sub(43)..).unwrap_or(value);
        let secret = SessionSecret::parse(secret).context("no secret")?;
        let work = async {
            let db = bare.database.client().await?;
            find_session(&db, &secret.hash()).await
        };
        let found = db::with_budget(work).await?.context("no session")?;
        let ended = session::ended(&found.session, &found.standing, bare.clock.now());
        anyhow::ensure!(ended.is_none(), "it is over");
        anyhow::Ok(found.session)
    };
    match found.await {
        Ok(session) => HttpResponse::Ok().json(Answer {
            user: session.user.as_ref(),
            session: &session,
        }),
        Err(error) => HttpResponse::Unauthorized().body(format!("{error:#}")),
    }
}

async fn verify(bare: Data<Bare>, request: HttpRequest) -> HttpResponse {
    let claims = cookie(&request)
        .and_then(|value| Ok(decode::<Claims>(value, &bare.key, &bare.validation)?.claims));
    match claims {
        Ok(claims) => HttpResponse::Ok().json(claims),
        Err(error) => HttpResponse::Unauthorized().body(format!("{error:#}")),
    }
}
