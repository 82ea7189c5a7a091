//! The shop over HTTP: one claim a test.

mod accounts;
mod admin;
mod audit;
mod confirm;
mod csrf;
mod data;
mod guessing;
mod hardening;
mod https;
mod mail;
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
