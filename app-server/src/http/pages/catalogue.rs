//! The front page: what is for sale.

use std::collections::HashSet;

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;
use url::form_urlencoded::Serializer;

use crate::{
    db::{catalogue, library},
    domain::{
        catalogue::{CatalogueQuery, Sort},
        ids::ProductId,
        paging::Page,
        product::Product,
    },
    error::AppError,
    http::{
        layout::{self, Layout},
        list_query::ProductsQuery,
        visitor::Visitor,
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "catalogue/index.html")]
struct CataloguePage {
    layout: Layout,
    search: String,
    tag: String,
    /// Every way to sort this list.
    sorts: Vec<Link>,
    tags: Vec<Link>,
    products: Vec<Product>,
    owned: HashSet<ProductId>,
    continued: bool,
    /// Address of the first page.
    first: String,
    next: Option<String>,
}

/// A link to this list, seen another way.
struct Link {
    text: String,
    address: String,
    current: bool,
}

/// `GET /` → 200; 422 for a sort or a page that is none.
pub async fn index(
    state: Data<AppState>,
    visitor: Visitor,
    asked: Query<ProductsQuery>,
) -> Result<HttpResponse, AppError> {
    let query = asked.parse()?;
    let db = state.db().await?;
    let page = match &query {
        Some(query) => {
            let listed = catalogue::list_products(&db, query).await?;
            Page::cut(listed, query.limit, |last| last.position.clone())
                .map(|listed| listed.product)
        }
        None => Page {
            items: Vec::new(),
            next: None,
        },
    };
    let shown: Vec<ProductId> = page.items.iter().map(|product| product.id).collect();
    let owned = match visitor.user() {
        Some(user) => library::list_owned_ids(&db, user.id, &shown).await?,
        None => Vec::new(),
    };
    let (search, tag) = (
        asked.q.clone().unwrap_or_default(),
        asked.tag.clone().unwrap_or_default(),
    );
    let sort = query.as_ref().map_or(Sort::New, |query| query.sort);
    let tags = catalogue::list_tags(&db)
        .await?
        .into_iter()
        .map(|name| Link {
            address: address("", if name == tag { "" } else { &name }, None, None),
            current: name == tag,
            text: name,
        });
    layout::page(
        StatusCode::OK,
        &CataloguePage {
            layout: Layout::new(&state, &visitor),
            sorts: sorts(&search, &tag, sort),
            tags: tags.collect(),
            products: page.items,
            owned: owned.into_iter().collect(),
            first: address(&search, &tag, name(sort), None),
            continued: query.as_ref().is_some_and(CatalogueQuery::is_continued),
            next: page
                .next
                .map(|after| address(&search, &tag, name(sort), Some(&after))),
            search,
            tag,
        },
    )
}

fn sorts(search: &str, tag: &str, current: Sort) -> Vec<Link> {
    let best = (!search.trim().is_empty()).then_some((Sort::Match, "Best match"));
    let others = [
        (Sort::New, "Newest"),
        (Sort::Title, "Title"),
        (Sort::Price, "Price"),
    ];
    best.into_iter()
        .chain(others)
        .map(|(sort, text)| Link {
            text: text.to_owned(),
            address: address(search, tag, name(sort), None),
            current: sort == current,
        })
        .collect()
}

fn name(sort: Sort) -> Option<&'static str> {
    match sort {
        Sort::New => Some("new"),
        Sort::Title => Some("title"),
        Sort::Price => Some("price"),
        Sort::Match => None,
    }
}

fn address(search: &str, tag: &str, sort: Option<&str>, after: Option<&str>) -> String {
    let mut query = Serializer::new(String::new());
    let parameters = [
        ("q", search),
        ("tag", tag),
        ("sort", sort.unwrap_or("")),
        ("after", after.unwrap_or("")),
    ];
    query.extend_pairs(
        parameters
            .into_iter()
            .filter(|(_, value)| !value.is_empty()),
    );
    let query = query.finish();
    if query.is_empty() {
        "/".to_owned()
    } else {
        format!("/?{query}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_was_asked_and_leave_out_what_was_not() {
        assert_eq!(address("", "", None, None), "/");
        assert_eq!(
            address("a&b \"c\"", "art", Some("price"), None),
            "/?q=a%26b+%22c%22&tag=art&sort=price"
        );
    }
}
