//! What needs one transaction, or serves both pages and API.

pub mod audit;
pub mod carts;
pub mod change_password;
pub mod check_out;
pub mod confirm;
pub mod enrol;
pub mod import_catalogue;
pub mod mint_download;
pub mod passwords;
pub mod pay;
pub mod payments;
pub mod pending_sign_in;
pub mod purge;
pub mod recovery_codes;
pub mod register;
pub mod remove_factor;
pub mod second_factor;
pub mod secrets_key;
pub mod sessions;
pub mod sign_in;
pub mod users;
