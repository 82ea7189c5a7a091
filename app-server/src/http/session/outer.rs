//! Around the layer of actix-session: which requests get to it, and what the cookies that it sets
//! lack.

use actix_web::{
    HttpMessage,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
    web::Data,
};

use super::carrier;
use crate::{
    domain::device::DeviceSecret,
    error::AppError,
    http::{
        cookies::{self, Names},
        error_pages, host, landing,
    },
    state::AppState,
};

/// How long the cookie set by this answer lasts, when longer than the browser runs.
pub(super) struct MaxAge(pub(super) i64);

/// The browser is known from now on, under this secret.
pub(super) struct Known(pub(super) DeviceSecret);

/// Around the layer of actix-session: nobody gets to it under another name, and what it sets lasts
/// as long as it should.
pub async fn around_cookies(
    state: Data<AppState>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, actix_web::Error> {
    let instead = host::misdirected(&state, &request).or_else(|| landing::land(&state, &request));
    if let Some(answer) = instead {
        return Ok(request.into_response(answer).map_into_right_body());
    }
    let mut response = carrier::with_place(next.call(request)).await?;
    let is_set = response.headers().contains_key(header::SET_COOKIE);
    if is_set {
        complete_cookies(&state, &mut response)?;
    }
    landing::remove_stale_hint(&state, &mut response);
    Ok(error_pages::redraw(&state, response))
}

/// Lets the session cookie outlive the browser where it should, and the hint come and go with it.
fn complete_cookies<B>(
    state: &AppState,
    response: &mut ServiceResponse<B>,
) -> Result<(), AppError> {
    let names = Names::of(&state.config.app_url);
    let max_age = response
        .request()
        .extensions()
        .get::<MaxAge>()
        .map(|max_age| max_age.0);
    let prefix = format!("{}=", names.session);
    let headers = response.headers_mut();
    let all: Vec<_> = headers.remove(header::SET_COOKIE).collect();
    for value in all {
        let text = value.to_str().unwrap_or_default();
        if !text.starts_with(&prefix) {
            headers.append(header::SET_COOKIE, value);
        } else if text.contains("Max-Age=0") {
            headers.append(header::SET_COOKIE, value);
            cookies::add(headers, &names.hint_removal());
        } else {
            let text =
                max_age.map_or_else(|| text.to_owned(), |age| format!("{text}; Max-Age={age}"));
            let value = header::HeaderValue::from_str(&text).map_err(AppError::internal)?;
            headers.append(header::SET_COOKIE, value);
            cookies::add(headers, &names.hint_cookie(max_age));
        }
    }
    let device = response.request().extensions_mut().remove::<Known>();
    if let Some(Known(secret)) = device {
        cookies::add(response.headers_mut(), &names.device_cookie(&secret));
    }
    Ok(())
}
