//! Accounts, and what an admin does to one. Never to a password.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    actions::administer::{self, Acting},
    db::accounts::{Account, list_accounts},
    domain::{ids::UserId, paging::Page, user::Role},
    error::AppError,
    http::{admin::Admin, json::answer, list_query::PageQuery, session::origin, visitor::SignedIn},
    state::AppState,
};

#[derive(Serialize)]
struct AccountBody {
    id: UserId,
    email: String,
    name: String,
    role: Role,
    created_at: DateTime<Utc>,
    email_verified_at: Option<DateTime<Utc>>,
    second_factor_at: Option<DateTime<Utc>>,
    disabled_at: Option<DateTime<Utc>>,
    deletion_asked_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        Self {
            id: account.user.id,
            email: account.user.email,
            name: account.user.name,
            role: account.user.role,
            created_at: account.created_at,
            email_verified_at: account.email_verified_at,
            second_factor_at: account.second_factor_at,
            disabled_at: account.disabled_at,
            deletion_asked_at: account.deletion_asked_at,
            deleted_at: account.deleted_at,
        }
    }
}

/// What to look for.
#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    q: String,
}

/// `GET /admin/users?q=` → 200, the newest first; 401; 403 `forbidden`, `confirm_password`; 422.
pub async fn index(
    state: Data<AppState>,
    Admin(signed_in): Admin,
    search: Query<Search>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, AppError> {
    signed_in.proved(state.clock.now())?;
    let limit = query.limit()?;
    let db = state.db().await?;
    let wanted = search.q.trim().replace('\0', "");
    let found = list_accounts(&db, &wanted, query.after()?, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |last| last.user.id);
    Ok(answer(StatusCode::OK, &page.map(AccountBody::from)))
}

macro_rules! acts {
    ($(#[$doc:meta])* $name:ident => $action:path) => {
        $(#[$doc])*
        pub async fn $name(
            state: Data<AppState>,
            request: HttpRequest,
            Admin(signed_in): Admin,
            user: Path<UserId>,
        ) -> Result<HttpResponse, AppError> {
            signed_in.proved(state.clock.now())?;
            let SignedIn {
                user: admin,
                session,
            } = signed_in;
            let acting = Acting {
                admin: admin.id,
                session: session.id,
                origin: &origin(&state, &request),
            };
            $action(&state, acting, *user).await?;
            Ok(HttpResponse::NoContent().finish())
        }
    };
}

acts!(
    /// `DELETE /admin/users/{id}/sessions` → 204; 401; 403 `forbidden`, `confirm_password`; 404.
    end_sessions => administer::end_sessions
);
acts!(
    /// `PUT /admin/users/{id}/disabled` → 204; 401; 403; 404; 409 `oneself`, `last_admin`.
    disable => administer::disable
);
acts!(
    /// `DELETE /admin/users/{id}/disabled` → 204; 401; 403; 404.
    enable => administer::enable
);
acts!(
    /// `POST /admin/users/{id}/reset` → 204, a letter is on its way; 401; 403; 404.
    start_reset => administer::start_reset
);
