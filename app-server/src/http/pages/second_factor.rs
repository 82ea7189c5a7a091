//! One's second factor: whether there is one, and taking it away.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;

use super::session::Wanted;
use crate::{
    actions::{recovery_codes, remove_factor::remove},
    domain::user::Role,
    error::AppError,
    http::{
        form::PageForm,
        landing::safe_next,
        layout::{self, Layout, see_other},
        session::{issue, origin},
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "second_factor/show.html")]
struct SecondFactorPage {
    layout: Layout,
    /// Password managers look for it in the form.
    email: String,
    enabled: bool,
    /// Unused recovery codes.
    n_left: i64,
    is_admin: bool,
    /// SECRETS_KEY is set.
    available: bool,
    /// Where the visitor was going.
    next: Option<String>,
    error: Option<String>,
}

/// `GET /account/second-factor` → 200; 401 signed out; 303 to `/confirm` without a recent proof;
/// 503 when the shop cannot keep second factors.
pub async fn show(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, AppError> {
    let page = page(&state, &visitor, &signed_in, wanted.next()).await?;
    if !page.available && !page.enabled {
        return layout::page(StatusCode::SERVICE_UNAVAILABLE, &page);
    }
    signed_in.proved(state.clock.now())?;
    layout::page(StatusCode::OK, &page)
}

/// The form's fields.
#[derive(Deserialize)]
pub struct Fields {
    #[serde(default)]
    password: String,
}

/// `POST /account/second-factor/delete` → 303; 422 with the form again; 403 for admins, and when
/// stale.
pub async fn destroy(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    signed_in: SignedIn,
    form: PageForm<Fields>,
) -> Result<HttpResponse, AppError> {
    let again = async |status, error| {
        let mut page = page(&state, &visitor, &signed_in, "").await?;
        page.error = Some(error);
        layout::page(status, &page)
    };
    let Ok(fields) = form.genuine_or_fields() else {
        let error = "This page had grown old. Please type your password again.".to_owned();
        return again(StatusCode::FORBIDDEN, error).await;
    };
    let origin = origin(&state, &request);
    match remove(&state, &signed_in.session, fields.password.into(), &origin).await {
        Ok(begun) => {
            issue(&request, &state, &begun)?;
            Ok(see_other("/account/second-factor"))
        }
        Err(AppError::Invalid(errors)) => {
            let errors: Vec<_> = errors.into_iter().map(|error| error.detail).collect();
            again(StatusCode::UNPROCESSABLE_ENTITY, errors.join(" ")).await
        }
        Err(error @ AppError::WrongPassword) => {
            again(
                StatusCode::UNPROCESSABLE_ENTITY,
                error.public().2.to_owned(),
            )
            .await
        }
        // A second click: it is gone already.
        Err(AppError::NotFound(_)) => Ok(see_other("/account/second-factor")),
        Err(error) => Err(error),
    }
}

async fn page(
    state: &AppState,
    visitor: &Visitor,
    signed_in: &SignedIn,
    next: &str,
) -> Result<SecondFactorPage, AppError> {
    let user = &signed_in.user;
    let n_left = if user.second_factor {
        recovery_codes::count_left(state, user.id).await?
    } else {
        0
    };
    Ok(SecondFactorPage {
        layout: Layout::new(state, visitor),
        email: user.email.clone(),
        enabled: user.second_factor,
        n_left,
        is_admin: user.role == Role::Admin,
        available: state.config.secrets.is_some(),
        next: (!next.is_empty()).then(|| safe_next(next)),
        error: None,
    })
}
