//! Who one is, signing in and out.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{
    actions::{
        sessions::Begun,
        sign_in::{Attempt, Code, Outcome, sign_in},
    },
    domain::{
        ids::{SessionId, UserId},
        session::Session,
        user::{Role, User},
    },
    error::AppError,
    http::{
        json::{Json, answer},
        session::{clear_site_data, issue, leave_behind, origin, remove},
        visitor::Visitor,
    },
    state::AppState,
};

/// Who one is.
#[derive(Serialize)]
pub struct SessionBody {
    user: Option<UserBody>,
    session: Option<LifetimeBody>,
    csrf_token: String,
}

#[derive(Serialize)]
struct UserBody {
    id: UserId,
    email: String,
    name: String,
    role: Role,
}

#[derive(Serialize)]
struct LifetimeBody {
    id: SessionId,
    created_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    idle_expires_at: DateTime<Utc>,
    absolute_expires_at: DateTime<Utc>,
    remembered: bool,
}

impl SessionBody {
    /// Of a session that has just begun.
    pub fn begun(begun: &Begun) -> Self {
        let session = &begun.session;
        Self::new(session.user.as_ref(), session)
    }

    fn of(visitor: &Visitor) -> Self {
        match visitor {
            Visitor::User(signed_in) => Self::new(Some(&signed_in.user), &signed_in.session),
            Visitor::Anonymous { csrf_token, .. } => Self {
                user: None,
                session: None,
                csrf_token: csrf_token.clone(),
            },
        }
    }

    fn new(user: Option<&User>, session: &Session) -> Self {
        Self {
            user: user.map(|user| UserBody {
                id: user.id,
                email: user.email.clone(),
                name: user.name.clone(),
                role: user.role,
            }),
            session: Some(LifetimeBody {
                id: session.id,
                created_at: session.created_at,
                last_seen_at: session.last_seen_at,
                idle_expires_at: session.idle_expires_at,
                absolute_expires_at: session.absolute_expires_at,
                remembered: session.remembered,
            }),
            csrf_token: session.csrf_token.clone(),
        }
    }
}

/// `GET /session` → 200, signed in or not.
pub async fn show(visitor: Visitor) -> HttpResponse {
    answer(StatusCode::OK, &SessionBody::of(&visitor))
}

/// What signing in takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInBody {
    email: String,
    password: SecretString,
    code: Option<SecretString>,
    #[serde(default)]
    remember: bool,
}

/// `POST /session` → 200 as GET; 401 `invalid_credentials`, `second_factor`.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    Json(body): Json<SignInBody>,
) -> Result<HttpResponse, AppError> {
    let SignInBody {
        email,
        password,
        code,
        remember,
    } = body;
    let attempt = Attempt {
        email,
        password,
        code: Code::Given(code),
        remember,
    };
    let left_behind = leave_behind(&visitor);
    let outcome = sign_in(
        &state,
        attempt,
        left_behind.anonymous,
        &origin(&state, &request),
    )
    .await?;
    let Outcome::Begun(begun) = outcome else {
        return Err(AppError::SecondFactor);
    };
    left_behind.end(&state, &request).await?;
    issue(&request, &state, &begun)?;
    Ok(answer(StatusCode::OK, &SessionBody::begun(&begun)))
}

/// `DELETE /session` → 204, also when already signed out.
pub async fn destroy(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
) -> Result<HttpResponse, AppError> {
    if let Visitor::User(signed_in) = &visitor {
        let origin = origin(&state, &request);
        state.sessions.sign_out(&signed_in.session, &origin).await?;
        remove(&request);
    }
    let mut answer = HttpResponse::NoContent().finish();
    clear_site_data(answer.headers_mut());
    Ok(answer)
}
