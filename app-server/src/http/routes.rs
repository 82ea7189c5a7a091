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
    POST "/logout" => pages::session::destroy,
    GET  "/account" => pages::account::show,
    GET  "/library/files/{file_id}/download" => pages::downloads::show [acts],
    GET  "/account/password" => pages::password::edit,
    POST "/account/password" => pages::password::update,
    GET  "/confirm" => pages::confirm::new,
    POST "/confirm" => pages::confirm::create,
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
    POST   "/api/v1/users" => api::users::create,
    POST   "/api/v1/library/files/{file_id}/downloads" => api::downloads::create,
    PUT    "/api/v1/account/password" => api::password::update,
];
