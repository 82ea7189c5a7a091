//! Setting up a second factor: a QR code, and the first code of the app.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;

use super::{recovery_codes::CodesPage, session::Wanted};
use crate::{
    actions::enrol,
    domain::totp::TotpSecret,
    error::AppError,
    http::{
        form::PageForm,
        layout::{self, Layout, see_other},
        qr::{self, Drawing},
        session::{issue, origin},
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "second_factor/new.html")]
struct EnrolmentPage {
    layout: Layout,
    /// What the app is to scan; nothing when it does not fit a QR code.
    qr: Option<Drawing>,
    /// The same as an address, for an app on this device.
    link: Zeroizing<String>,
    /// The secret in groups of four, for an app that cannot scan.
    groups: Zeroizing<String>,
    replaces: bool,
    error: Option<&'static str>,
}

/// `POST /account/second-factor` → 303 to the QR code; 303 to `/confirm` without a recent proof;
/// 503 when the shop cannot keep second factors.
pub async fn create(
    state: Data<AppState>,
    signed_in: SignedIn,
    form: PageForm<Wanted>,
) -> Result<HttpResponse, AppError> {
    form.genuine()?;
    signed_in.proved(state.clock.now())?;
    enrol::begin(&state, &signed_in.user).await?;
    Ok(see_other("/account/second-factor/new"))
}

/// `GET /account/second-factor/new` → 200; 303 when nothing was begun, and without a recent proof.
pub async fn edit(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
) -> Result<HttpResponse, AppError> {
    signed_in.proved(state.clock.now())?;
    match page(&state, &visitor, &signed_in, None).await? {
        Some(page) => layout::page(StatusCode::OK, &page),
        None => Ok(see_other("/account/second-factor")),
    }
}

/// The form's fields.
#[derive(Deserialize)]
pub struct Fields {
    #[serde(default)]
    code: String,
}

/// `POST /account/second-factor/new` → 200 with the recovery codes, which are shown this once; 303
/// when nothing was begun; 422 with the QR code again; 403 when stale.
pub async fn update(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    signed_in: SignedIn,
    form: PageForm<Fields>,
) -> Result<HttpResponse, AppError> {
    let Ok(fields) = form.genuine_or_fields() else {
        let error = "This page had grown old. Please type the code again.";
        let page = page(&state, &visitor, &signed_in, Some(error)).await?;
        let page = page.ok_or_else(|| AppError::StaleForm(Vec::new()))?;
        return layout::page(StatusCode::FORBIDDEN, &page);
    };
    signed_in.proved(state.clock.now())?;
    let origin = origin(&state, &request);
    match enrol::enable(&state, &signed_in.session, &fields.code.into(), &origin).await {
        Ok(Some(enrolled)) => {
            issue(&request, &state, &enrolled.begun)?;
            // The session goes on under a new secret, and its forms under a new token.
            let visitor = Visitor::User(SignedIn {
                user: signed_in.user,
                session: enrolled.begun.session.into(),
            });
            let layout = Layout::new(&state, &visitor);
            layout::page(
                StatusCode::OK,
                &CodesPage::new(layout, &enrolled.codes, true),
            )
        }
        Ok(None) => {
            let error = "This code is not right. Please check the clock of the device with the app, \
                         and type the code that it shows now.";
            match page(&state, &visitor, &signed_in, Some(error)).await? {
                Some(page) => layout::page(StatusCode::UNPROCESSABLE_ENTITY, &page),
                None => Ok(see_other("/account/second-factor")),
            }
        }
        Err(AppError::NotFound(_)) => Ok(see_other("/account/second-factor")),
        Err(error) => Err(error),
    }
}

/// The page about the secret that was begun, if one was.
async fn page(
    state: &AppState,
    visitor: &Visitor,
    signed_in: &SignedIn,
    error: Option<&'static str>,
) -> Result<Option<EnrolmentPage>, AppError> {
    let Some(secret) = enrol::begun(state, &signed_in.user).await? else {
        return Ok(None);
    };
    let link = secret.link(&signed_in.user.email);
    Ok(Some(EnrolmentPage {
        layout: Layout::new(state, visitor),
        qr: qr::draw(&link),
        link,
        groups: groups(&secret),
        replaces: signed_in.user.second_factor,
        error,
    }))
}

fn groups(secret: &TotpSecret) -> Zeroizing<String> {
    let mut groups = Zeroizing::new(String::new());
    for (index, letter) in secret.base32().chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            groups.push(' ');
        }
        groups.push(letter);
    }
    groups
}
