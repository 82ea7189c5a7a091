//! The shop over HTTP: one claim a test.

mod accounts;
mod admin;
mod audit;
mod confirm;
mod countries;
mod csrf;
mod data;
mod guessing;
mod hardening;
mod https;
mod mail;
mod outage;
mod proxies;
mod races;
mod revival;
mod rotation;
mod session_list;
mod sessions;
mod shelf;
mod shop_cart;
mod shop_catalogue;
mod shop_import;
mod shop_library;
mod shop_orders;
mod statements;
