//! What needs one transaction, or serves both pages and API.

pub mod administer;
pub mod audit;
pub mod carts;
pub mod change_password;
pub mod check_out;
pub mod confirm;
pub mod delete_account;
pub mod devices;
pub mod export;
pub mod import_catalogue;
pub mod mint_download;
pub mod passwords;
pub mod pay;
pub mod payments;
pub mod purge;
pub mod register;
pub mod send_mail;
pub mod sessions;
pub mod sign_in;
pub mod throttle;
pub mod users;
