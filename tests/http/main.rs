//! The shop over HTTP: one claim a test.

mod accounts;
mod confirm;
mod csrf;
mod guessing;
mod https;
mod mail;
mod mail_address;
mod mail_not_me;
mod mail_reset;
mod mail_smtp;
mod mail_verification;
mod outage;
mod revival;
mod sessions;
mod shelf;
mod shop_cart;
mod shop_catalogue;
mod shop_import;
mod shop_library;
mod shop_orders;
mod statements;
