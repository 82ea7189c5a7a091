//! What needs one transaction, or serves both pages and API.

pub mod change_password;
pub mod passwords;
pub mod purge;
pub mod register;
pub mod sessions;
pub mod sign_in;
pub mod users;
