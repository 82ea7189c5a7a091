//! Accounts, and what an admin does to one. Never to a password.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    actions::administer::{self, Acting},
    db::accounts::{Account, count_belongings, find_account, list_accounts},
    domain::{
        ids::UserId,
        paging::{DEFAULT_LIMIT, Page},
    },
    error::AppError,
    http::{
        admin::Admin,
        form::PageForm,
        layout::{self, Layout, see_other},
        list_query::PageQuery,
        pages::data::Button,
        session::origin,
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "admin/users.html")]
struct UsersPage {
    layout: Layout,
    q: String,
    accounts: Vec<Account>,
    /// The address of the next page.
    next: Option<String>,
}

/// What to look for.
#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    q: String,
}

/// `GET /admin/users?q=` → 200; 401 signed out; 403 for buyers; 303 to `/confirm`.
pub async fn index(
    state: Data<AppState>,
    visitor: Visitor,
    Admin(signed_in): Admin,
    search: Query<Search>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, AppError> {
    signed_in.proved(state.clock.now())?;
    let limit = DEFAULT_LIMIT;
    let db = state.db().await?;
    let q = search.q.trim().replace('\0', "");
    let found = list_accounts(&db, &q, query.after()?, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |last| last.user.id);
    let next = page.next.map(|after| {
        let mut parameters = url::form_urlencoded::Serializer::new(String::new());
        parameters.append_pair("q", &q).append_pair("after", &after);
        format!("/admin/users?{}", parameters.finish())
    });
    let page = UsersPage {
        layout: Layout::new(&state, &visitor),
        q,
        accounts: page.items,
        next,
    };
    layout::page(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "admin/user.html")]
struct UserPage {
    layout: Layout,
    account: Account,
    n_sessions: i64,
    n_orders: i64,
    /// It is the admin's own: some things another admin has to do.
    own: bool,
    notice: Option<&'static str>,
    error: Option<&'static str>,
}

/// What was just done.
#[derive(Deserialize)]
pub struct Done {
    #[serde(default)]
    done: String,
}

impl Done {
    fn words(&self) -> Option<&'static str> {
        match self.done.as_str() {
            "disabled" => Some("The account is disabled, and its sessions have ended."),
            "enabled" => Some("The account may sign in again."),
            "sessions" => Some("All sessions of the account have ended."),
            "reset" => Some("A link to set a new password is on its way to the account's address."),
            _ => None,
        }
    }
}

/// `GET /admin/users/{id}` → 200; 401; 403; 404; 303 to `/confirm`.
pub async fn show(
    state: Data<AppState>,
    visitor: Visitor,
    Admin(signed_in): Admin,
    user: Path<UserId>,
    done: Query<Done>,
) -> Result<HttpResponse, AppError> {
    signed_in.proved(state.clock.now())?;
    let told = (done.words(), None);
    draw(&state, &visitor, &signed_in, *user, StatusCode::OK, told).await
}

async fn draw(
    state: &AppState,
    visitor: &Visitor,
    signed_in: &SignedIn,
    user: UserId,
    status: StatusCode,
    (notice, error): (Option<&'static str>, Option<&'static str>),
) -> Result<HttpResponse, AppError> {
    let db = state.db().await?;
    let account = find_account(&db, user).await?;
    let account = account.ok_or(AppError::NotFound("account"))?;
    let (n_sessions, n_orders) = count_belongings(&db, user, state.clock.now()).await?;
    let page = UserPage {
        layout: Layout::new(state, visitor),
        own: account.user.id == signed_in.user.id,
        account,
        n_sessions,
        n_orders,
        notice,
        error,
    };
    layout::page(status, &page)
}

macro_rules! acts {
    ($(#[$doc:meta])* $name:ident => $action:path, $done:literal) => {
        $(#[$doc])*
        pub async fn $name(
            state: Data<AppState>,
            request: HttpRequest,
            visitor: Visitor,
            Admin(signed_in): Admin,
            user: Path<UserId>,
            form: PageForm<Button>,
        ) -> Result<HttpResponse, AppError> {
            form.genuine()?;
            signed_in.proved(state.clock.now())?;
            let acting = Acting {
                admin: signed_in.user.id,
                session: signed_in.session.id,
                origin: &origin(&state, &request),
            };
            match $action(&state, acting, *user).await {
                Ok(()) => Ok(see_other(&format!("/admin/users/{}?done={}", *user, $done))),
                Err(error @ AppError::Conflict(_)) => {
                    let (status, _, sentence) = error.public();
                    let told = (None, Some(sentence));
                    draw(&state, &visitor, &signed_in, *user, status, told).await
                }
                Err(error) => Err(error),
            }
        }
    };
}

acts!(
    /// `POST /admin/users/{id}/sessions/delete` → 303 back; 401; 403; 404; 303 to `/confirm`.
    end_sessions => administer::end_sessions, "sessions"
);
acts!(
    /// `POST /admin/users/{id}/disabled` → 303 back; 409 with the page again; 401; 403; 404.
    disable => administer::disable, "disabled"
);
acts!(
    /// `POST /admin/users/{id}/disabled/delete` → 303 back; 401; 403; 404; 303 to `/confirm`.
    enable => administer::enable, "enabled"
);
acts!(
    /// `POST /admin/users/{id}/reset` → 303 back, a letter is on its way; 401; 403; 404.
    start_reset => administer::start_reset, "reset"
);
