//! Pages for people.

pub mod account;
pub mod downloads;
pub mod password;
pub mod registration;
pub mod session;
