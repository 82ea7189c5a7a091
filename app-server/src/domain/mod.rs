//! Values and rules: no I/O, no clock, no HTTP.

pub mod email;
pub mod ids;
pub mod password;
pub mod secret;
pub mod session;
pub mod user;
