//! Pages for people.

pub mod account;
pub mod activity;
pub mod admin;
pub mod cart;
pub mod catalogue;
pub mod checkout;
pub mod confirm;
pub mod covers;
pub mod data;
pub mod downloads;
pub mod library;
pub mod orders;
pub mod password;
pub mod payment;
pub mod products;
pub mod registration;
pub mod session;
pub mod sessions;

/// An instant as pages write it.
fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}
