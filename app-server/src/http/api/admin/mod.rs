//! What admins' programs call: every handler takes [`crate::http::admin::Admin`].

pub mod events;
pub mod users;
