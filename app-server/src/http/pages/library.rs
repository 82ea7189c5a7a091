//! Everything a user has purchased.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    db::{
        files,
        library::{self, Owned},
    },
    domain::{
        ids::FileId,
        paging::{DEFAULT_LIMIT, Page},
        product::ProductFile,
    },
    error::AppError,
    http::{
        layout::{self, Layout},
        list_query::PageQuery,
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "library/index.html")]
struct LibraryPage {
    layout: Layout,
    /// Each with its current files, then the older versions.
    owned: Vec<(Owned, Vec<ProductFile>, Vec<ProductFile>)>,
    /// The file whose spent link led here.
    wanted: Option<ProductFile>,
    continued: bool,
    next: Option<String>,
}

impl LibraryPage {
    fn is_wanted(&self, file: &ProductFile) -> bool {
        self.wanted
            .as_ref()
            .is_some_and(|wanted| wanted.id == file.id)
    }

    fn wants_one_of(&self, files: &[ProductFile]) -> bool {
        files.iter().any(|file| self.is_wanted(file))
    }
}

/// Where a spent link leads.
#[derive(Deserialize)]
pub struct Pointed {
    file: Option<String>,
}

/// `GET /library` → 200; 401 signed out. `?file=` points at one file and mints nothing.
pub async fn index(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
    query: Query<PageQuery>,
    pointed: Query<Pointed>,
) -> Result<HttpResponse, AppError> {
    let user = signed_in.user.id;
    let db = state.db().await?;
    let after = query.after()?;
    let limit = DEFAULT_LIMIT;
    let found = library::list_owned(&db, user, after, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |last| (last.purchased_at, last.id));
    let wanted = match pointed
        .file
        .as_deref()
        .and_then(|file| Uuid::parse_str(file).ok())
    {
        Some(file) => files::find_owned(&db, user, FileId(file)).await?,
        None => None,
    };
    let owned = files::of_owned(&db, page.items)
        .await?
        .into_iter()
        .map(|(owned, files)| {
            let (current, older) = files.into_iter().partition(|file| file.current);
            (owned, current, older)
        });
    layout::page(
        StatusCode::OK,
        &LibraryPage {
            layout: Layout::new(&state, &visitor),
            owned: owned.collect(),
            wanted,
            continued: after.is_some(),
            next: page.next,
        },
    )
}
