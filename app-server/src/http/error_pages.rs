//! Redraws errors as pages where a person is looking.

use actix_web::{
    HttpRequest, HttpResponse,
    body::EitherBody,
    dev::ServiceResponse,
    http::{Method, StatusCode, header},
};
use askama::Template;

use super::{
    layout::{self, Layout, see_other},
    pages::{confirm, session::SignInPage},
    routes,
    visitor::Visitor,
};
use crate::{domain::secret::csrf_token_without_cookie, error::AppError, state::AppState};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    layout: Layout,
    title: &'static str,
    detail: &'a str,
    fields: Vec<String>,
}

#[derive(Template)]
#[template(path = "stale_form.html")]
struct StaleFormPage<'a> {
    layout: Layout,
    action: String,
    fields: &'a [(String, String)],
}

/// Fields that are typed again rather than written into a page.
const SECRET_FIELDS: &[&str] = &["password", "current", "new", "code"];

/// Redraws an [`AppError`] as HTML, except beneath `/api/`.
pub fn redraw<B>(state: &AppState, response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
    let error = response
        .response()
        .error()
        .and_then(|error| error.as_error::<AppError>())
        .filter(|_| !is_api(response.request()));
    let Some(page) = error.and_then(|error| draw(state, response.request(), error)) else {
        return response.map_into_left_body();
    };
    let (request, plain) = response.into_parts();
    ServiceResponse::new(request, with_head_of(page, &plain)).map_into_right_body()
}

fn is_api(request: &HttpRequest) -> bool {
    request.match_info().as_str().starts_with("/api/")
}

/// The page in place of the plain answer: its cookies, its Retry-After and its cause stay.
fn with_head_of<B>(mut page: HttpResponse, plain: &HttpResponse<B>) -> HttpResponse {
    for (name, value) in plain.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            page.headers_mut().append(name.clone(), value.clone());
        }
    }
    page
}

fn draw(state: &AppState, request: &HttpRequest, error: &AppError) -> Option<HttpResponse> {
    let visitor = Visitor::of(request);
    let visitor = visitor.unwrap_or_else(|| Visitor::Anonymous {
        session: None,
        csrf_token: csrf_token_without_cookie(),
        ended: None,
    });
    if matches!(error, AppError::ConfirmPassword) {
        return Some(layout::see_other(&confirm::address(&next_of(request))));
    }
    let layout = Layout::new(state, &visitor);
    let (status, _, detail) = error.public();
    let drawn = match error {
        AppError::SignInRequired => {
            layout::page(status, &SignInPage::asked_for(layout, next_of(request)))
        }
        AppError::SecondFactorRequired => Ok(see_other("/account/second-factor")),
        AppError::StaleForm(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .filter(|(name, _)| !SECRET_FIELDS.contains(&name.as_str()))
                .cloned()
                .collect();
            layout::page(
                status,
                &StaleFormPage {
                    layout,
                    action: path_of(request),
                    fields: &fields,
                },
            )
        }
        _ => {
            let fields = error
                .fields()
                .iter()
                .map(|field| field.detail.clone())
                .collect();
            layout::page(
                status,
                &ErrorPage {
                    layout,
                    title: title(status),
                    detail,
                    fields,
                },
            )
        }
    };
    drawn
        .inspect_err(|error| tracing::error!(%error, "an error page could not be drawn"))
        .ok()
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 => "Not found",
        400 | 405 | 413 | 415 | 422 => "That did not work",
        403 => "Not allowed",
        409 => "That does not fit",
        429 => "Too often",
        503 => "Not available for the moment",
        _ => "Something went wrong",
    }
}

fn path_of(request: &HttpRequest) -> String {
    request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned()
}

/// Where a visitor wanted to go: this address, or the nearest above it that can be gone to.
fn next_of(request: &HttpRequest) -> String {
    if [Method::GET, Method::HEAD].contains(request.method()) {
        return path_of(request);
    }
    let pattern = request.match_pattern().unwrap_or_default();
    let (mut pattern, mut path) = (pattern.as_str(), request.path());
    while !routes::PAGES
        .iter()
        .any(|entry| entry.lands && entry.path == pattern)
    {
        let above = |path: &str| path.rfind('/').unwrap_or(0);
        if above(pattern) == 0 || above(path) == 0 {
            return "/".to_owned();
        }
        pattern = pattern.get(..above(pattern)).unwrap_or_default();
        path = path.get(..above(path)).unwrap_or_default();
    }
    path.to_owned()
}
