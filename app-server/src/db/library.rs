//! Purchases: the lasting right of one user to one product.

use chrono::{DateTime, Utc};

use super::{
    Queries, Result,
    products::{product, product_columns},
};
use crate::domain::{
    ids::{OrderId, ProductId, PurchaseId, UserId},
    product::Product,
};

/// Something a user owns.
pub struct Owned {
    /// The purchase.
    pub id: PurchaseId,
    /// What.
    pub product: Product,
    /// Since when.
    pub purchased_at: DateTime<Utc>,
}

/// All that a user owns, the latest purchase first, after the one at `after`.
pub async fn list_owned(
    db: &impl Queries,
    user: UserId,
    after: Option<(DateTime<Utc>, PurchaseId)>,
    limit: i64,
) -> Result<Vec<Owned>> {
    let (at, id) = after.unzip();
    let rows = db.query(LIST_OWNED, &[&user, &at, &id, &limit]).await?;
    let owned = |row: &tokio_postgres::Row| {
        Ok(Owned {
            id: row.try_get("purchase_id")?,
            product: product(row)?,
            purchased_at: row.try_get("purchased_at")?,
        })
    };
    rows.iter().map(owned).collect()
}

const LIST_OWNED: &str = concat!(
    "select ",
    product_columns!(),
    ", purchase_id, purchased_at
      from purchases
      join products using (product_id)
     where user_id = $1
       and refunded_at is null
       and ($2::timestamptz is null or (purchased_at, purchase_id) < ($2::timestamptz, $3::uuid))
     order by purchased_at desc, purchase_id desc
     limit $4"
);

/// Those of these products that the user owns.
pub async fn list_owned_ids(
    db: &impl Queries,
    user: UserId,
    products: &[ProductId],
) -> Result<Vec<ProductId>> {
    let rows = db.query(LIST_OWNED_IDS, &[&user, &products]).await?;
    rows.iter()
        .map(|row| Ok(row.try_get("product_id")?))
        .collect()
}

const LIST_OWNED_IDS: &str = "
    select product_id from purchases
     where user_id = $1 and product_id = any($2) and refunded_at is null";

/// Gives the user what they do not own yet of these products, and says how many that were.
///
/// In the order of identifiers, so that two orders for the same things cannot wait for each other.
pub async fn insert_purchases(
    db: &impl Queries,
    user: UserId,
    order: OrderId,
    products: &[ProductId],
    now: DateTime<Utc>,
) -> Result<u64> {
    let ids: Vec<PurchaseId> = products.iter().map(|_| PurchaseId::generate(now)).collect();
    db.execute(INSERT_PURCHASES, &[&user, &order, &ids, &products, &now])
        .await
}

const INSERT_PURCHASES: &str = "
    insert into purchases (purchase_id, user_id, product_id, order_id, purchased_at)
    select purchase_id, $1, product_id, $2, $5
      from unnest($3::uuid[], $4::uuid[]) as bought (purchase_id, product_id)
     order by product_id
        on conflict (user_id, product_id) where refunded_at is null do nothing";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[LIST_OWNED, LIST_OWNED_IDS, INSERT_PURCHASES];
