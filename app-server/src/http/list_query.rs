//! The parameters of lists: what to look for, and which page of it.

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    domain::{
        catalogue::{BadParameter, CatalogueQuery},
        paging,
    },
    error::AppError,
};

/// `?after= &limit=`.
#[derive(Debug, Deserialize)]
pub struct PageQuery {
    after: Option<String>,
    limit: Option<String>,
}

impl PageQuery {
    /// The position that `after` stands for.
    ///
    /// # Errors
    /// 422 for what is no cursor of this list.
    pub fn after<P: DeserializeOwned>(&self) -> Result<Option<P>, AppError> {
        match self.after.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => paging::decode_cursor(text)
                .map(Some)
                .ok_or_else(|| mistake(BadParameter::After)),
        }
    }

    /// Rows of a page, of a list that is short enough to be one when the client does not say.
    ///
    /// # Errors
    /// 422 for anything but 1 to 100.
    pub fn limit_if_any(&self) -> Result<Option<u8>, AppError> {
        self.limit.as_ref().map(|_| self.limit()).transpose()
    }

    /// Rows of a page.
    ///
    /// # Errors
    /// 422 for anything but 1 to 100.
    pub fn limit(&self) -> Result<u8, AppError> {
        paging::parse_limit(self.limit.as_deref()).ok_or_else(|| mistake(BadParameter::Limit))
    }
}

/// `?q= &tag= &sort= &after= &limit=`.
#[derive(Debug, Deserialize)]
pub struct ProductsQuery {
    /// As typed.
    pub q: Option<String>,
    /// As sent.
    pub tag: Option<String>,
    sort: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

impl ProductsQuery {
    /// What it asks for; nothing when nothing can be filed under its tag.
    ///
    /// # Errors
    /// 422 for the first parameter that makes no sense.
    pub fn parse(&self) -> Result<Option<CatalogueQuery>, AppError> {
        let Self {
            q,
            tag,
            sort,
            after,
            limit,
        } = self;
        CatalogueQuery::parse(
            q.as_deref(),
            tag.as_deref(),
            sort.as_deref(),
            after.as_deref(),
            limit.as_deref(),
        )
        .map_err(mistake)
    }
}

fn mistake(parameter: BadParameter) -> AppError {
    match parameter {
        BadParameter::Sort => AppError::invalid("sort", "A list is sorted by new, title or price."),
        BadParameter::After => AppError::invalid(
            "after",
            "This is not a page of this list; start again without it.",
        ),
        BadParameter::Limit => AppError::invalid("limit", "A page has 1 to 100 rows."),
    }
}
