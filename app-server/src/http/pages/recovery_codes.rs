//! Recovery codes, shown once.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use secrecy::zeroize::Zeroizing;

use super::session::Wanted;
use crate::{
    actions::recovery_codes::renew,
    domain::recovery_code::RecoveryCode,
    error::AppError,
    http::{
        form::PageForm,
        layout::{self, Layout, see_other},
        session::origin,
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

/// The codes, to be printed or written down.
#[derive(Template)]
#[template(path = "second_factor/codes.html")]
pub struct CodesPage {
    layout: Layout,
    codes: Vec<Zeroizing<String>>,
    /// The second factor has just come into force.
    enrolled: bool,
}

impl CodesPage {
    /// The page with these codes.
    pub fn new(layout: Layout, codes: &[RecoveryCode], enrolled: bool) -> Self {
        let codes = codes.iter().map(RecoveryCode::shown).collect();
        Self {
            layout,
            codes,
            enrolled,
        }
    }
}

/// `POST /account/second-factor/recovery-codes` → 200 with new codes, which are shown this once; 303
/// without a second factor, or to `/confirm` without a recent proof.
pub async fn create(
    state: Data<AppState>,
    request: HttpRequest,
    visitor: Visitor,
    signed_in: SignedIn,
    form: PageForm<Wanted>,
) -> Result<HttpResponse, AppError> {
    form.genuine()?;
    signed_in.proved(state.clock.now())?;
    match renew(&state, &signed_in.session, &origin(&state, &request)).await {
        Ok(codes) => {
            let layout = Layout::new(&state, &visitor);
            layout::page(StatusCode::OK, &CodesPage::new(layout, &codes, false))
        }
        Err(AppError::NotFound(_)) => Ok(see_other("/account/second-factor")),
        Err(error) => Err(error),
    }
}
