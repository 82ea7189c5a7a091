//! Everything the shop knows about one person, as JSON; secrets and hashes of secrets excepted.

use serde_json::{Map, Value};

use super::{Queries, Result};
use crate::domain::ids::UserId;

/// What there is, section by section: each a list of objects.
pub async fn export(db: &impl Queries, user: UserId) -> Result<Map<String, Value>> {
    let mut sections = Map::new();
    for (name, statement) in SECTIONS {
        let row = db.query_one(statement, &[&user]).await?;
        sections.insert((*name).to_owned(), row.try_get("section")?);
    }
    Ok(sections)
}

/// The sections of an export, in its order.
const SECTIONS: &[(&str, &str)] = &[
    ("account", ACCOUNT),
    ("sessions", SESSIONS),
    ("orders", ORDERS),
    ("purchases", PURCHASES),
    ("downloads", DOWNLOADS),
    ("cart", CART),
    ("devices", DEVICES),
    ("letters", LETTERS),
    ("events", EVENTS),
];

const ACCOUNT: &str = "
    select to_jsonb(row) as section from (
        select user_id as id, email, name, role, created_at, email_verified_at, second_factor_at,
               deletion_asked_at
          from users where user_id = $1) row";

const SESSIONS: &str = "
    select coalesce(jsonb_agg(row), '[]') as section from (
        select session_id as id, created_at, last_seen_at, idle_expires_at, absolute_expires_at,
               remembered, ip, user_agent, country, revoked_at, revoked_reason
          from sessions where user_id = $1 order by session_id) row";

const ORDERS: &str = "
    select coalesce(jsonb_agg(row), '[]') as section from (
        select order_id as id, status, currency, total_minor, created_at, paid_at, refunded_at,
               cancelled_at,
               (select coalesce(jsonb_agg(jsonb_build_object(
                           'product_id', product_id, 'title', title, 'price_minor', price_minor)
                           order by title), '[]')
                  from order_items where order_items.order_id = orders.order_id) as items
          from orders where user_id = $1 order by created_at, order_id) row";

const PURCHASES: &str = "
    select coalesce(jsonb_agg(row), '[]') as section from (
        select purchase_id as id, product_id, title, order_id, purchased_at, refunded_at
          from purchases join products using (product_id)
         where user_id = $1 order by purchase_id) row";

const DOWNLOADS: &str = "
    select coalesce(jsonb_agg(row), '[]') as section from (
        select jti as id, file_id, file_name, purchase_id, session_id, minted_at, ip
          from mints join files using (file_id)
         where user_id = $1 order by minted_at, jti) row";

const CART: &str = "
    select coalesce(jsonb_agg(row), '[]') as section from (
        select product_id, title
          from cart_items join products using (product_id)
         where user_id = $1 order by title) row";

const DEVICES: &str = "
    select coalesce(jsonb_agg(row), '[]') as section from (
        select signed_in_at, expires_at
          from devices where user_id = $1 order by signed_in_at) row";

const LETTERS: &str = "
    select coalesce(jsonb_agg(row), '[]') as section from (
        select kind, recipient, created_at, sent_at
          from mails where user_id = $1 order by mail_id) row";

const EVENTS: &str = "
    select coalesce(jsonb_agg(row), '[]') as section from (
        select event_id as id, at, event, session_id, ip, user_agent, details,
               actor_id is not null as by_somebody_else
          from audit_events where user_id = $1 order by event_id) row";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    ACCOUNT, SESSIONS, ORDERS, PURCHASES, DOWNLOADS, CART, DEVICES, LETTERS, EVENTS,
];
