//! What needs one transaction, or serves both pages and API.

pub mod audit;
pub mod carts;
pub mod change_address;
pub mod change_password;
pub mod check_out;
pub mod disown;
pub mod forgot_password;
pub mod import_catalogue;
pub mod links;
pub mod mint_download;
pub mod not_me;
pub mod passwords;
pub mod pay;
pub mod payments;
pub mod purge;
pub mod register;
pub mod reset_password;
pub mod send_mail;
pub mod sessions;
pub mod sign_in;
pub mod users;
pub mod verify_address;
