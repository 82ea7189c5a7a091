//! The only place with actix: addresses, cookies, pages, JSON.

pub mod admin;
pub mod api;
pub mod assets;
pub mod audit_query;
pub mod carts;
pub mod client_address;
pub mod cookies;
pub mod csrf;
pub mod error;
pub mod error_pages;
pub mod form;
pub mod health;
pub mod host;
pub mod json;
pub mod jwks;
pub mod landing;
pub mod layout;
pub mod list_query;
pub mod pages;
pub mod panics;
pub mod request_log;
pub mod routes;
pub mod security_headers;
pub mod server;
pub mod session;
pub mod visitor;
