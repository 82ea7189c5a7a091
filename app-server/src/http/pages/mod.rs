//! Pages for people.

pub mod account;
pub mod activity;
pub mod address;
pub mod admin;
pub mod cart;
pub mod catalogue;
pub mod checkout;
pub mod confirm;
pub mod covers;
pub mod data;
pub mod dead_link;
pub mod dev_mail;
pub mod downloads;
pub mod enrolment;
pub mod forgotten_password;
pub mod library;
pub mod not_me;
pub mod orders;
pub mod password;
pub mod payment;
pub mod products;
pub mod recovery_codes;
pub mod registration;
pub mod second_factor;
pub mod session;
pub mod sessions;
pub mod sign_in_code;
pub mod verification;

/// An instant as pages write it.
fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}
