//! Carts: of a session until there is a user.

use chrono::{DateTime, Utc};

use super::{
    Queries, Result,
    products::{product, product_columns},
};
use crate::domain::{
    cart::{Cart, CartOwner},
    ids::{ProductId, SessionId, UserId},
};

/// What is in a cart, less what was withdrawn or bought meanwhile.
pub async fn find_cart(db: &impl Queries, owner: CartOwner) -> Result<Cart> {
    let rows = db
        .query(FIND_CART, &[&owner.session(), &owner.user()])
        .await?;
    Ok(Cart {
        items: rows.iter().map(product).collect::<Result<_>>()?,
    })
}

const FIND_CART: &str = concat!(
    "select ",
    product_columns!(),
    "  from cart_items
       join products using (product_id)
      where (cart_items.session_id = $1 or cart_items.user_id = $2)
        and published_at is not null
        and not exists (select from purchases
                         where purchases.user_id = $2
                           and purchases.product_id = products.product_id
                           and refunded_at is null)
      order by added_at, product_id"
);

/// Lets nobody else change this cart or its owner's purchases until the transaction ends.
///
/// The owner's own row is the lock, the one that signing in takes first, so the two never cross.
/// False when the owner is gone.
pub async fn lock_owner(db: &impl Queries, owner: CartOwner) -> Result<bool> {
    let row = match owner {
        CartOwner::Session(session) => db.query_opt(LOCK_SESSION, &[&session]).await?,
        CartOwner::User(user) => db.query_opt(LOCK_USER, &[&user]).await?,
    };
    Ok(row.is_some())
}

const LOCK_SESSION: &str =
    "select session_id from sessions where session_id = $1 for no key update";
const LOCK_USER: &str = "select user_id from users where user_id = $1 for no key update";

/// Puts a product into a cart; once, however often.
pub async fn insert_item(
    db: &impl Queries,
    owner: CartOwner,
    product: ProductId,
    now: DateTime<Utc>,
) -> Result<()> {
    db.execute(
        INSERT_ITEM,
        &[&owner.session(), &owner.user(), &product, &now],
    )
    .await?;
    Ok(())
}

const INSERT_ITEM: &str = "
    insert into cart_items (session_id, user_id, product_id, added_at) values ($1, $2, $3, $4)
        on conflict do nothing";

/// Takes products out of a cart, those that are in it.
pub async fn delete_items(
    db: &impl Queries,
    owner: CartOwner,
    products: &[ProductId],
) -> Result<()> {
    db.execute(DELETE_ITEMS, &[&owner.session(), &owner.user(), &products])
        .await?;
    Ok(())
}

const DELETE_ITEMS: &str = "
    delete from cart_items where (session_id = $1 or user_id = $2) and product_id = any($3)";

/// Moves a visitor's cart to the user they turned out to be, without what is owned or there already.
pub async fn merge_cart(tx: &impl Queries, from: SessionId, to: UserId) -> Result<()> {
    tx.execute(COPY_ITEMS, &[&from, &to]).await?;
    tx.execute(DELETE_CART, &[&from]).await?;
    Ok(())
}

const COPY_ITEMS: &str = "
    insert into cart_items (user_id, product_id, added_at)
    select $2, product_id, added_at from cart_items
     where session_id = $1
       and not exists (select from purchases
                        where purchases.user_id = $2
                          and purchases.product_id = cart_items.product_id
                          and refunded_at is null)
        on conflict do nothing";

const DELETE_CART: &str = "delete from cart_items where session_id = $1";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    FIND_CART,
    LOCK_SESSION,
    LOCK_USER,
    INSERT_ITEM,
    DELETE_ITEMS,
    COPY_ITEMS,
    DELETE_CART,
];
