//! The catalogue: searched, filtered, ordered, a page at a time.
//!
//! Each order has two statements, with and without a search, so that each can walk its own index.

use std::collections::BTreeMap;

use tokio_postgres::Row;

use super::{
    Queries, Result,
    client::Parameter,
    products::{product, product_columns},
};
use crate::domain::{
    catalogue::{CatalogueQuery, Position, Sort},
    ids::ProductId,
    product::Product,
    search::{self, MIN_GUESS_CHARS},
    slug::Slug,
};

/// A row of the catalogue, and how the next page finds its end again.
pub struct Listed {
    /// The product.
    pub product: Product,
    /// Its place in this list.
    pub position: Position,
}

/// Published products, one more than asked for when there are more.
///
/// Cost: one round trip; a search two, the first for words the visitor may have meant.
pub async fn list_products(db: &impl Queries, query: &CatalogueQuery) -> Result<Vec<Listed>> {
    let tag = query.tag.as_ref().map(Slug::as_str);
    let limit = i64::from(query.limit) + 1;
    let id = query.after.as_ref().map(id);
    let (time, text, number) = (time(query), text(query), number(query));
    let key: Parameter<'_> = match query.sort {
        Sort::New => &time,
        Sort::Title => &text,
        Sort::Price | Sort::Match => &number,
    };
    let rows = match &query.search {
        None => {
            let statement = match query.sort {
                Sort::New | Sort::Match => NEWEST,
                Sort::Title => BY_TITLE,
                Sort::Price => BY_PRICE,
            };
            db.query(statement, &[&tag, key, &id, &limit]).await?
        }
        Some(search) => {
            let statement = match query.sort {
                Sort::New => SEARCH_NEWEST,
                Sort::Title => SEARCH_BY_TITLE,
                Sort::Price => SEARCH_BY_PRICE,
                Sort::Match => SEARCH_BY_MATCH,
            };
            let forgiving = forgiving(db, search).await?;
            db.query(statement, &[&tag, key, &id, &limit, &search, &forgiving])
                .await?
        }
    };
    rows.iter().map(|row| listed(row, query.sort)).collect()
}

macro_rules! page {
    (key: $key:literal as $type:literal, then: $than:literal $direction:literal, from: $from:expr) => {
        concat!(
            "select ",
            product_columns!(),
            ", ",
            $key,
            " as position
               from products ",
            $from,
            "
              where published_at is not null
                and ($1::text is null or tags @> array[$1::text])
                and ($2::",
            $type,
            " is null or (",
            $key,
            ", product_id) ",
            $than,
            " ($2::",
            $type,
            ", $3::uuid))
              order by ",
            $key,
            " ",
            $direction,
            ", product_id ",
            $direction,
            "
              limit $4"
        )
    };
}

/// What was typed, and what may have been meant.
macro_rules! matching {
    () => {
        "cross join (select websearch_to_tsquery('simple', immutable_unaccent($5)) as exact,
                            to_tsquery('simple', $6) as forgiving) asked
         cross join lateral (select round(1000000 * (ts_rank(search, exact)
                                    + ts_rank(search, forgiving) / 100))::bigint as score
                              where search @@ (exact || forgiving)) matched"
    };
}

const NEWEST: &str = page!(key: "published_at" as "timestamptz", then: "<" "desc", from: "");
const BY_TITLE: &str =
    page!(key: "lower(immutable_unaccent(title))" as "text", then: ">" "asc", from: "");
const BY_PRICE: &str = page!(key: "price_minor" as "bigint", then: ">" "asc", from: "");
const SEARCH_NEWEST: &str =
    page!(key: "published_at" as "timestamptz", then: "<" "desc", from: matching!());
const SEARCH_BY_TITLE: &str =
    page!(key: "lower(immutable_unaccent(title))" as "text", then: ">" "asc", from: matching!());
const SEARCH_BY_PRICE: &str =
    page!(key: "price_minor" as "bigint", then: ">" "asc", from: matching!());
const SEARCH_BY_MATCH: &str = page!(key: "score" as "bigint", then: "<" "desc", from: matching!());

/// The search with each word's neighbours in the catalogue; empty when it was meant precisely.
async fn forgiving(db: &impl Queries, search: &str) -> Result<String> {
    if search::is_precise(search) {
        return Ok(String::new());
    }
    let shortest = i32::try_from(MIN_GUESS_CHARS).unwrap_or(i32::MAX);
    let mut words: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in db.query(LIST_NEIGHBOURS, &[&search, &shortest]).await? {
        let known = words.entry(row.try_get("asked")?).or_default();
        known.extend(row.try_get::<_, Option<String>>("known")?);
    }
    Ok(search::forgiving(&words))
}

/// Guesses are made for the four longest words: each costs a walk through the catalogue's words.
///
/// One edit leaves one half of a word whole, and the trigram index knows where that half stands.
const LIST_NEIGHBOURS: &str = r"
    select asked, known
      from (select asked, row_number() over (order by char_length(asked) desc, asked) as nth
              from unnest(tsvector_to_array(to_tsvector('simple', immutable_unaccent($1)))) as asked
           ) words
      left join lateral (
        select distinct known
          from products, unnest(tsvector_to_array(search)) as known
         where char_length(asked) >= $2
           and nth <= 4
           and asked !~ '[%_\\]'
           and published_at is not null
           and (search_words like '%' || left(asked, char_length(asked) / 2) || '%'
                or search_words like '%' || right(asked, (char_length(asked) + 1) / 2) || '%')
           and abs(char_length(known) - char_length(asked)) <= 1
           and (known like '%' || left(asked, char_length(asked) / 2) || '%'
                or known like '%' || right(asked, (char_length(asked) + 1) / 2) || '%')
         limit 100
      ) neighbours on true
     limit 1000";

/// What the catalogue is filed under, the fullest first.
pub async fn list_tags(db: &impl Queries) -> Result<Vec<String>> {
    let rows = db.query(LIST_TAGS, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get("tag")?)).collect()
}

const LIST_TAGS: &str = "
    select tag from products, unnest(tags) as tag
     where published_at is not null
     group by tag order by count(*) desc, tag limit 12";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    NEWEST,
    BY_TITLE,
    BY_PRICE,
    SEARCH_NEWEST,
    SEARCH_BY_TITLE,
    SEARCH_BY_PRICE,
    SEARCH_BY_MATCH,
    LIST_NEIGHBOURS,
    LIST_TAGS,
];

fn id(position: &Position) -> ProductId {
    match position {
        Position::New(_, id)
        | Position::Title(_, id)
        | Position::Price(_, id)
        | Position::Match(_, id) => *id,
    }
}

fn time(query: &CatalogueQuery) -> Option<chrono::DateTime<chrono::Utc>> {
    match query.after {
        Some(Position::New(at, _)) => Some(at),
        _ => None,
    }
}

fn text(query: &CatalogueQuery) -> Option<&str> {
    match &query.after {
        Some(Position::Title(title, _)) => Some(title),
        _ => None,
    }
}

fn number(query: &CatalogueQuery) -> Option<i64> {
    match query.after {
        Some(Position::Price(number, _) | Position::Match(number, _)) => Some(number),
        _ => None,
    }
}

fn listed(row: &Row, sort: Sort) -> Result<Listed> {
    let product = product(row)?;
    let position = match sort {
        Sort::New => Position::New(row.try_get("position")?, product.id),
        Sort::Title => Position::Title(row.try_get("position")?, product.id),
        Sort::Price => Position::Price(row.try_get("position")?, product.id),
        Sort::Match => Position::Match(row.try_get("position")?, product.id),
    };
    Ok(Listed { product, position })
}
