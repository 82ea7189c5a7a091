//! Pages for admins: every handler takes [`crate::http::admin::Admin`].

pub mod audit;
pub mod users;
