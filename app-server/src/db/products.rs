//! Products, one at a time.

use chrono::{DateTime, Utc};
use shared::file_store::StorageKey;
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::{
    ids::ProductId,
    money::Money,
    product::{NewProduct, Product},
    slug::Slug,
};

/// The columns that [`product`] reads.
macro_rules! product_columns {
    () => {
        "products.product_id, products.slug, products.title, products.summary, products.price_minor,
         products.currency, products.tags, products.cover_key, products.published_at"
    };
}
pub(super) use product_columns;

/// A product and its description.
pub struct Described {
    /// The product.
    pub product: Product,
    /// As written, not to be shown as it is.
    pub description_markdown: String,
}

/// The published product of this name.
pub async fn find_published(db: &impl Queries, slug: &Slug) -> Result<Option<Described>> {
    let row = db.query_opt(FIND_PUBLISHED, &[&slug.as_str()]).await?;
    let described = |row: Row| {
        Ok(Described {
            product: product(&row)?,
            description_markdown: row.try_get("description_markdown")?,
        })
    };
    row.map(described).transpose()
}

const FIND_PUBLISHED: &str = concat!(
    "select ",
    product_columns!(),
    ", description_markdown from products where slug = $1 and published_at is not null"
);

/// Those of these products that are published, by identifier.
pub async fn list_published(db: &impl Queries, products: &[ProductId]) -> Result<Vec<Product>> {
    let rows = db.query(LIST_PUBLISHED, &[&products]).await?;
    rows.iter().map(product).collect()
}

const LIST_PUBLISHED: &str = concat!(
    "select ",
    product_columns!(),
    " from products where product_id = any($1) and published_at is not null order by product_id"
);

/// The product of this name, published or not, locked until the transaction ends.
pub async fn lock_by_slug(db: &impl Queries, slug: &Slug) -> Result<Option<ProductId>> {
    let row = db.query_opt(LOCK_BY_SLUG, &[&slug.as_str()]).await?;
    row.map(|row| Ok(row.try_get("product_id")?)).transpose()
}

const LOCK_BY_SLUG: &str = "select product_id from products where slug = $1 for no key update";

/// A new product, published at once; [`DbError::violates`] `products_slug_key` when the name is taken.
pub async fn insert_product(
    db: &impl Queries,
    product: ProductId,
    new: &NewProduct,
    now: DateTime<Utc>,
) -> Result<()> {
    let (tags, cover) = (tags(new), cover(new));
    db.execute(
        INSERT_PRODUCT,
        &[
            &product,
            &new.slug.as_str(),
            &new.title,
            &new.summary,
            &new.description_markdown,
            &new.price.minor(),
            &new.price.code(),
            &tags,
            &cover.0,
            &cover.1,
            &now,
        ],
    )
    .await?;
    Ok(())
}

const INSERT_PRODUCT: &str = "
    insert into products (product_id, slug, title, summary, description_markdown, price_minor, currency,
                          tags, cover_key, cover_media_type, created_at, updated_at, published_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11)";

/// Says the same of a product that is there already; false when nothing differed.
pub async fn update_product(
    db: &impl Queries,
    product: ProductId,
    new: &NewProduct,
    now: DateTime<Utc>,
) -> Result<bool> {
    let (tags, cover) = (tags(new), cover(new));
    let n_changed = db
        .execute(
            UPDATE_PRODUCT,
            &[
                &product,
                &new.title,
                &new.summary,
                &new.description_markdown,
                &new.price.minor(),
                &new.price.code(),
                &tags,
                &cover.0,
                &cover.1,
                &now,
            ],
        )
        .await?;
    Ok(n_changed == 1)
}

const UPDATE_PRODUCT: &str = "
    update products
       set title = $2, summary = $3, description_markdown = $4, price_minor = $5, currency = $6,
           tags = $7, cover_key = $8, cover_media_type = $9, updated_at = $10
     where product_id = $1
       and (title, summary, description_markdown, price_minor, currency, tags, cover_key)
           is distinct from ($2, $3, $4, $5::bigint, $6, $7::text[], $8)";

/// The media type of the picture stored under `key`, if it is a product's.
///
/// What is sold lies in the same store, so a picture is served only by asking here first.
pub async fn find_cover_type(db: &impl Queries, key: StorageKey) -> Result<Option<String>> {
    let row = db.query_opt(FIND_COVER_TYPE, &[&key.to_string()]).await?;
    row.map(|row| Ok(row.try_get("cover_media_type")?))
        .transpose()
}

const FIND_COVER_TYPE: &str = "select cover_media_type from products where cover_key = $1 limit 1";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    FIND_PUBLISHED,
    LIST_PUBLISHED,
    LOCK_BY_SLUG,
    INSERT_PRODUCT,
    UPDATE_PRODUCT,
    FIND_COVER_TYPE,
];

fn tags(new: &NewProduct) -> Vec<&str> {
    new.tags.iter().map(Slug::as_str).collect()
}

fn cover(new: &NewProduct) -> (Option<String>, Option<&'static str>) {
    let cover = new.cover.as_ref();
    (
        cover.map(|cover| cover.key.to_string()),
        cover.map(|cover| cover.media_type),
    )
}

/// The product of a row that has [`product_columns`].
pub(super) fn product(row: &Row) -> Result<Product> {
    let corrupt = |column| DbError::Inconsistent {
        table: "products",
        column,
    };
    let slug: &str = row.try_get("slug")?;
    let tags: Vec<&str> = row.try_get("tags")?;
    let cover: Option<&str> = row.try_get("cover_key")?;
    let published_at: Option<DateTime<Utc>> = row.try_get("published_at")?;
    let price = Money::new(row.try_get("price_minor")?, row.try_get("currency")?);
    Ok(Product {
        id: row.try_get("product_id")?,
        slug: Slug::parse(slug).ok_or_else(|| corrupt("slug"))?,
        title: row.try_get("title")?,
        summary: row.try_get("summary")?,
        price: price.ok_or_else(|| corrupt("currency"))?,
        tags: tags
            .into_iter()
            .map(Slug::parse)
            .collect::<Option<_>>()
            .ok_or_else(|| corrupt("tags"))?,
        cover: cover
            .map(|key| StorageKey::parse(key).ok_or_else(|| corrupt("cover_key")))
            .transpose()?,
        published: published_at.is_some(),
    })
}
