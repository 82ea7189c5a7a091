//! JSON for programs.

pub mod password;
pub mod session;
pub mod users;
