//! What part of the catalogue somebody wants to see, and in which order.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ids::ProductId, paging, search, slug::Slug};

/// Part of the catalogue, a page of it.
#[derive(Clone, Debug)]
pub struct CatalogueQuery {
    /// Words to look for.
    pub search: Option<String>,
    /// Only what is filed under this.
    pub tag: Option<Slug>,
    /// In this order.
    pub sort: Sort,
    /// After this row.
    pub after: Option<Position>,
    /// At most so many rows.
    pub limit: u8,
}

/// The order of a list of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The newest first.
    New,
    /// By title, from A.
    Title,
    /// The cheapest first; amounts of different currencies compare by number.
    Price,
    /// The best match first: searches, unless another order was asked for.
    Match,
}

/// The row a page ends with, by what its list is ordered by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// Of [`Sort::New`].
    New(DateTime<Utc>, ProductId),
    /// Of [`Sort::Title`], folded as the database compares it.
    Title(String, ProductId),
    /// Of [`Sort::Price`].
    Price(i64, ProductId),
    /// Of [`Sort::Match`]: how well it matches, in millionths.
    Match(i64, ProductId),
}

impl Position {
    fn sort(&self) -> Sort {
        match self {
            Self::New(..) => Sort::New,
            Self::Title(..) => Sort::Title,
            Self::Price(..) => Sort::Price,
            Self::Match(..) => Sort::Match,
        }
    }
}

/// The parameter of a [`CatalogueQuery`] that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadParameter {
    /// Not new, title or price.
    Sort,
    /// No cursor of this list.
    After,
    /// Not 1 to 100.
    Limit,
}

impl CatalogueQuery {
    /// Reads `?q= &tag= &sort= &after= &limit=`; empty ones are as good as absent.
    ///
    /// A tag that cannot be one is `Ok(None)`: nothing is filed under it.
    ///
    /// # Errors
    /// The first parameter that makes no sense.
    pub fn parse(
        q: Option<&str>,
        tag: Option<&str>,
        sort: Option<&str>,
        after: Option<&str>,
        limit: Option<&str>,
    ) -> Result<Option<Self>, BadParameter> {
        let search = q.and_then(search::parse);
        let sort = match (sort.unwrap_or_default(), &search) {
            ("new", _) | ("", None) => Sort::New,
            ("title", _) => Sort::Title,
            ("price", _) => Sort::Price,
            ("", Some(_)) => Sort::Match,
            _ => return Err(BadParameter::Sort),
        };
        let after = match after {
            None | Some("") => None,
            Some(text) => Some(paging::decode_cursor(text).ok_or(BadParameter::After)?),
        };
        if after
            .as_ref()
            .is_some_and(|after: &Position| after.sort() != sort || after.has_nul())
        {
            return Err(BadParameter::After);
        }
        let limit = paging::parse_limit(limit).ok_or(BadParameter::Limit)?;
        let tag = match tag {
            None | Some("") => None,
            Some(text) => match Slug::parse(text) {
                Some(tag) => Some(tag),
                None => return Ok(None),
            },
        };
        Ok(Some(Self {
            search,
            tag,
            sort,
            after,
            limit,
        }))
    }
}

impl CatalogueQuery {
    /// Not the first page.
    pub fn is_continued(&self) -> bool {
        self.after.is_some()
    }
}

impl Position {
    /// PostgreSQL's text cannot hold NUL, and no cursor of ours does.
    fn has_nul(&self) -> bool {
        matches!(self, Self::Title(title, _) if title.contains('\0'))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn parse(q: &str, sort: &str, after: &str) -> Result<Option<CatalogueQuery>, BadParameter> {
        CatalogueQuery::parse(Some(q), None, Some(sort), Some(after), None)
    }

    #[test]
    fn a_search_is_ordered_by_match_unless_asked_otherwise() {
        let sort = |q, sort| parse(q, sort, "").map(|query| query.unwrap().sort);
        assert_eq!(sort("", ""), Ok(Sort::New));
        assert_eq!(sort("moon", ""), Ok(Sort::Match));
        assert_eq!(sort("moon", "price"), Ok(Sort::Price));
        assert_eq!(sort("moon", "best"), Err(BadParameter::Sort));
    }

    #[test]
    fn a_cursor_continues_only_its_own_list() {
        let id = ProductId::generate(DateTime::UNIX_EPOCH);
        let cursor = paging::encode_cursor(&Position::Price(1_200, id)).unwrap();
        assert_eq!(
            parse("", "price", &cursor).unwrap().unwrap().after,
            Some(Position::Price(1_200, id))
        );
        assert_eq!(
            parse("", "title", &cursor).unwrap_err(),
            BadParameter::After
        );
        assert_eq!(parse("", "price", "moon").unwrap_err(), BadParameter::After);
        let broken = paging::encode_cursor(&Position::Title("a\0".to_owned(), id)).unwrap();
        assert_eq!(
            parse("", "title", &broken).unwrap_err(),
            BadParameter::After
        );
    }

    #[test]
    fn an_impossible_tag_finds_nothing_and_is_no_mistake() {
        let query = CatalogueQuery::parse(None, Some("No Tag!"), None, None, None);
        assert!(query.unwrap().is_none());
    }
}
