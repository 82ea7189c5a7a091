//! JSON for programs.

pub mod downloads;
pub mod password;
pub mod session;
pub mod users;
