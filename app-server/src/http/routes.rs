//! Every address of the shop in one table: it configures the server, and tests walk it.

use actix_web::{Route, guard, http::Method, middleware::from_fn, web};

use super::{api, pages, panics::catch_panic};

/// One method of one address.
pub struct Entry {
    /// GET serves HEAD too.
    pub method: Method,
    /// actix's pattern.
    pub path: &'static str,
    /// Builds the route; once for each thread.
    pub route: fn() -> Route,
    /// A GET that changes nothing: a link from another site may land on it.
    pub lands: bool,
}

macro_rules! table {
    ($($method:ident $path:literal => $handler:path $([$flag:ident])?,)*) => {
        &[$(Entry {
            method: Method::$method,
            path: $path,
            route: || {
                let route = web::route().guard(table!(@guard $method)).to($handler);
                route.wrap(from_fn(catch_panic))
            },
            lands: table!(@lands $method $($flag)?),
        },)*]
    };
    (@guard GET) => { guard::Any(guard::Get()).or(guard::Head()) };
    (@guard $method:ident) => { guard::Method(Method::$method) };
    (@lands GET) => { true };
    (@lands $method:ident $($flag:ident)?) => { false };
}

/// Pages for people; unsafe ones take forms with `csrf_token`.
pub const PAGES: &[Entry] = table![
    GET  "/" => pages::catalogue::index,
    GET  "/products/{slug}" => pages::products::show,
    GET  "/cart" => pages::cart::show,
    POST "/cart" => pages::cart::create,
    POST "/cart/{product_id}/delete" => pages::cart::destroy,
    GET  "/checkout" => pages::checkout::new,
    POST "/checkout" => pages::checkout::create,
    GET  "/orders" => pages::orders::index,
    GET  "/orders/{id}" => pages::orders::show,
    POST "/orders/{id}/payment" => pages::payment::create,
    GET  "/library" => pages::library::index,
    GET  "/register" => pages::registration::new,
    POST "/register" => pages::registration::create,
    GET  "/login" => pages::session::new,
    POST "/login" => pages::session::create,
    GET  "/login/code" => pages::sign_in_code::new,
    POST "/login/code" => pages::sign_in_code::create,
    POST "/logout" => pages::session::destroy,
    GET  "/account" => pages::account::show,
    GET  "/library/files/{file_id}/download" => pages::downloads::show [acts],
    GET  "/account/email" => pages::address::edit,
    POST "/account/email" => pages::address::update,
    POST "/account/verification" => pages::verification::create,
    GET  "/forgot" => pages::forgotten_password::new,
    POST "/forgot" => pages::forgotten_password::create,
    GET  "/reset/{token}" => pages::forgotten_password::edit,
    POST "/reset/{token}" => pages::forgotten_password::update,
    GET  "/verify/{token}" => pages::verification::edit,
    POST "/verify/{token}" => pages::verification::update,
    GET  "/not-me/{token}" => pages::not_me::edit,
    POST "/not-me/{token}" => pages::not_me::update,
    GET  "/dev/mail" => pages::dev_mail::index,
    GET  "/account/activity" => pages::activity::index,
    GET  "/account/data" => pages::data::show,
    POST "/account/data" => pages::data::create,
    GET  "/account/delete" => pages::data::delete,
    POST "/account/delete" => pages::data::destroy,
    POST "/account/keep" => pages::data::keep,
    GET  "/account/password" => pages::password::edit,
    POST "/account/password" => pages::password::update,
    GET  "/account/second-factor" => pages::second_factor::show,
    POST "/account/second-factor" => pages::enrolment::create,
    POST "/account/second-factor/delete" => pages::second_factor::destroy,
    GET  "/account/second-factor/new" => pages::enrolment::edit,
    POST "/account/second-factor/new" => pages::enrolment::update,
    POST "/account/second-factor/recovery-codes" => pages::recovery_codes::create,
    GET  "/account/sessions" => pages::sessions::index,
    POST "/account/sessions/delete" => pages::sessions::destroy_others,
    POST "/account/sessions/{id}/delete" => pages::sessions::destroy,
    GET  "/confirm" => pages::confirm::new,
    POST "/confirm" => pages::confirm::create,
    GET  "/admin/audit" => pages::admin::audit::index,
    GET  "/admin/users" => pages::admin::users::index,
    GET  "/admin/users/{id}" => pages::admin::users::show,
    POST "/admin/users/{id}/disabled" => pages::admin::users::disable,
    POST "/admin/users/{id}/disabled/delete" => pages::admin::users::enable,
    POST "/admin/users/{id}/reset" => pages::admin::users::start_reset,
    POST "/admin/users/{id}/sessions/delete" => pages::admin::users::end_sessions,
];

/// JSON beneath `/api/v1`; unsafe ones need `X-CSRF-Token`.
pub const API: &[Entry] = table![
    GET    "/api/v1/products" => api::products::index,
    GET    "/api/v1/products/{slug}" => api::products::show,
    GET    "/api/v1/cart" => api::cart::show,
    PUT    "/api/v1/cart/{product_id}" => api::cart::update,
    DELETE "/api/v1/cart/{product_id}" => api::cart::destroy,
    GET    "/api/v1/orders" => api::orders::index,
    POST   "/api/v1/orders" => api::orders::create,
    GET    "/api/v1/orders/{id}" => api::orders::show,
    POST   "/api/v1/orders/{id}/payment" => api::payment::create,
    GET    "/api/v1/library" => api::library::index,
    GET    "/api/v1/session" => api::session::show,
    POST   "/api/v1/session" => api::session::create,
    DELETE "/api/v1/session" => api::session::destroy,
    POST   "/api/v1/session/confirm" => api::confirm::create,
    GET    "/api/v1/sessions" => api::sessions::index,
    DELETE "/api/v1/sessions" => api::sessions::destroy_others,
    DELETE "/api/v1/sessions/{id}" => api::sessions::destroy,
    POST   "/api/v1/users" => api::users::create,
    POST   "/api/v1/library/files/{file_id}/downloads" => api::downloads::create,
    PUT    "/api/v1/account/password" => api::password::update,
    GET    "/api/v1/account/events" => api::events::index,
    GET    "/api/v1/account/export" => api::data::show,
    PUT    "/api/v1/account/deletion" => api::data::update,
    DELETE "/api/v1/account/deletion" => api::data::destroy,
    GET    "/api/v1/admin/events" => api::admin::events::index,
    GET    "/api/v1/admin/users" => api::admin::users::index,
    DELETE "/api/v1/admin/users/{id}/sessions" => api::admin::users::end_sessions,
    PUT    "/api/v1/admin/users/{id}/disabled" => api::admin::users::disable,
    DELETE "/api/v1/admin/users/{id}/disabled" => api::admin::users::enable,
    POST   "/api/v1/admin/users/{id}/reset" => api::admin::users::start_reset,
];
