//! Orders and what is in them; always a user's own.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{
    DbError, Queries, Result,
    products::{product, product_columns},
};
use crate::domain::{
    ids::{OrderId, ProductId, UserId},
    money::Money,
    order::{IdempotencyKey, Order, OrderItem, OrderStatus},
    product::Product,
};

macro_rules! order_columns {
    () => {
        "select order_id, status, currency, total_minor, created_at, paid_at from orders "
    };
}

/// The user's order of this identifier.
pub async fn find_order(db: &impl Queries, user: UserId, order: OrderId) -> Result<Option<Order>> {
    let row = db.query_opt(FIND_ORDER, &[&user, &order]).await?;
    row.as_ref().map(self::order).transpose()
}

const FIND_ORDER: &str = concat!(order_columns!(), "where user_id = $1 and order_id = $2");

/// The user's order placed under this key.
pub async fn find_order_by_key(
    db: &impl Queries,
    user: UserId,
    key: &IdempotencyKey,
) -> Result<Option<Order>> {
    let row = db
        .query_opt(FIND_ORDER_BY_KEY, &[&user, &key.as_str()])
        .await?;
    row.as_ref().map(order).transpose()
}

const FIND_ORDER_BY_KEY: &str = concat!(
    order_columns!(),
    "where user_id = $1 and idempotency_key = $2"
);

/// The user's orders, the newest first, after the order placed at `after`.
pub async fn list_orders(
    db: &impl Queries,
    user: UserId,
    after: Option<(DateTime<Utc>, OrderId)>,
    limit: i64,
) -> Result<Vec<Order>> {
    let (at, id) = after.unzip();
    let rows = db.query(LIST_ORDERS, &[&user, &at, &id, &limit]).await?;
    rows.iter().map(order).collect()
}

const LIST_ORDERS: &str = concat!(
    order_columns!(),
    "where user_id = $1
       and ($2::timestamptz is null or (created_at, order_id) < ($2::timestamptz, $3::uuid))
     order by created_at desc, order_id desc
     limit $4"
);

/// What is in these orders, each with its order.
pub async fn list_items(
    db: &impl Queries,
    orders: &[OrderId],
) -> Result<Vec<(OrderId, OrderItem)>> {
    let rows = db.query(LIST_ITEMS, &[&orders]).await?;
    rows.iter().map(item).collect()
}

const LIST_ITEMS: &str = concat!(
    "select ",
    product_columns!(),
    ", order_id, orders.currency as ordered_currency, order_items.title as ordered_title,
       order_items.price_minor as ordered_minor
      from order_items
      join orders using (order_id)
      join products using (product_id)
     where order_id = any($1)
     order by order_id, order_items.title, product_id"
);

/// Orders, each with what is in it.
pub async fn with_items(
    db: &impl Queries,
    orders: Vec<Order>,
) -> Result<Vec<(Order, Vec<OrderItem>)>> {
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let mut items: HashMap<OrderId, Vec<OrderItem>> = HashMap::new();
    for (order, item) in list_items(db, &ids).await? {
        items.entry(order).or_default().push(item);
    }
    let with_items = |order: Order| {
        let items = items.remove(&order.id).unwrap_or_default();
        (order, items)
    };
    Ok(orders.into_iter().map(with_items).collect())
}

/// An unpaid order; false when the user's key was used meanwhile.
pub async fn insert_order(
    db: &impl Queries,
    user: UserId,
    key: &IdempotencyKey,
    order: &Order,
) -> Result<bool> {
    let (currency, total) = (order.total.code(), order.total.minor());
    let n_orders = db
        .execute(
            INSERT_ORDER,
            &[
                &order.id,
                &user,
                &currency,
                &total,
                &key.as_str(),
                &order.created_at,
            ],
        )
        .await?;
    Ok(n_orders == 1)
}

const INSERT_ORDER: &str = "
    insert into orders (order_id, user_id, status, currency, total_minor, idempotency_key, created_at)
    values ($1, $2, 'pending', $3, $4, $5, $6)
        on conflict on constraint orders_idempotency_key do nothing";

/// Writes down what the products are called and cost at this moment.
pub async fn insert_items(db: &impl Queries, order: OrderId, products: &[Product]) -> Result<()> {
    let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    let titles: Vec<&str> = products
        .iter()
        .map(|product| product.title.as_str())
        .collect();
    let prices: Vec<i64> = products
        .iter()
        .map(|product| product.price.minor())
        .collect();
    db.execute(INSERT_ITEMS, &[&order, &ids, &titles, &prices])
        .await?;
    Ok(())
}

const INSERT_ITEMS: &str = "
    insert into order_items (order_id, product_id, title, price_minor)
    select $1, product_id, title, price_minor
      from unnest($2::uuid[], $3::text[], $4::bigint[]) as bought (product_id, title, price_minor)";

/// Notes that a pending order is paid.
pub async fn update_paid(db: &impl Queries, order: OrderId, now: DateTime<Utc>) -> Result<()> {
    db.execute(UPDATE_PAID, &[&order, &now]).await?;
    Ok(())
}

const UPDATE_PAID: &str = "
    update orders set status = 'paid', paid_at = $2 where order_id = $1 and status = 'pending'";

/// Gives a pending order up.
pub async fn update_cancelled(db: &impl Queries, order: OrderId, now: DateTime<Utc>) -> Result<()> {
    db.execute(UPDATE_CANCELLED, &[&order, &now]).await?;
    Ok(())
}

const UPDATE_CANCELLED: &str = "
    update orders set status = 'cancelled', cancelled_at = $2
     where order_id = $1 and status = 'pending'";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    FIND_ORDER,
    FIND_ORDER_BY_KEY,
    LIST_ORDERS,
    LIST_ITEMS,
    INSERT_ORDER,
    INSERT_ITEMS,
    UPDATE_PAID,
    UPDATE_CANCELLED,
];

fn order(row: &Row) -> Result<Order> {
    let corrupt = |column| DbError::Inconsistent {
        table: "orders",
        column,
    };
    let total = Money::new(row.try_get("total_minor")?, row.try_get("currency")?);
    Ok(Order {
        id: row.try_get("order_id")?,
        status: OrderStatus::parse(row.try_get("status")?).ok_or_else(|| corrupt("status"))?,
        total: total.ok_or_else(|| corrupt("currency"))?,
        created_at: row.try_get("created_at")?,
        paid_at: row.try_get("paid_at")?,
    })
}

fn item(row: &Row) -> Result<(OrderId, OrderItem)> {
    let corrupt = |column| DbError::Inconsistent {
        table: "order_items",
        column,
    };
    let price = Money::new(
        row.try_get("ordered_minor")?,
        row.try_get("ordered_currency")?,
    );
    let item = OrderItem {
        product: product(row)?,
        title: row.try_get("ordered_title")?,
        price: price.ok_or_else(|| corrupt("price_minor"))?,
    };
    Ok((row.try_get("order_id")?, item))
}
