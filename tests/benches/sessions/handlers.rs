//! The least that could be done instead: the query alone, and a token's signature alone.

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    middleware::from_fn,
    web::{self, Data},
};
use anyhow::Context;
use app_server::{
    config::{Config, VARIABLES, environment},
    db::sessions::find_session,
    domain::{
        secret::SessionSecret,
        session::{self, Session},
        user::User,
    },
    http::{request_log::RequestSpan, security_headers::security_headers, server::counted},
    state::AppState,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use shared::{clock::Clock, settings, telemetry};
use tracing_actix_web::TracingLogger;

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
    clock: Clock,
    key: DecodingKey,
    validation: Validation,
}

#[derive(Serialize)]
struct Answer<'a> {
    user: Option<&'a User>,
    session: &'a Session,
}

/// Serves both until it is killed, in the shop's own server: with its log and its headers.
pub(crate) fn serve() -> anyhow::Result<()> {
    let command = settings::command(clap::Command::new("app-server"), VARIABLES);
    let matches = command.try_get_matches_from(["app-server"])?;
    let config = Config::read(&matches, environment(), settings::Mistakes::default());
    let config = config.map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let listen = config.listen;
    let workers = config.workers;
    let _logging = telemetry::init(Some("info"));
    let run = async move {
        let bare = Data::new(Bare {
            clock: Clock::system(),
            key: DecodingKey::from_secret(KEY),
            validation: Validation::new(Algorithm::HS256),
        });
        let state = Data::new(AppState::open(config, Clock::system())?);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(bare.clone())
                .app_data(state.clone())
                .route("/query", web::get().to(query))
                .route("/token", web::get().to(verify))
                .wrap(from_fn(security_headers))
                .wrap(from_fn(counted))
                .wrap(TracingLogger::<RequestSpan>::new())
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

async fn query(state: Data<AppState>, bare: Data<Bare>, request: HttpRequest) -> HttpResponse {
    let found = async {
        let value = cookie(&request)?;
        // What actix-session signs stands after the signature.
        let secret = value.get(value.len().saturating_sub(43)..).unwrap_or(value);
        let secret = SessionSecret::parse(secret).context("no secret")?;
        let db = state.db().await?;
        let found = find_session(&db, &secret.hash()).await?;
        let found = found.context("no session")?;
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
