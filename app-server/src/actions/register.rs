//! Opening an account.

use secrecy::SecretString;
use serde_json::json;

use super::{
    audit::{Entry, record},
    devices,
    passwords::{Owner, Passwords},
    sessions::{Begun, Origin},
    sign_in::{adopt, signed_in},
    throttle,
};
use crate::{
    db::{
        self,
        outbox::{NewMail, insert_mail},
        users,
    },
    domain::{
        audit::Event,
        email::Email,
        ids::{SessionId, UserId},
        mail::Letter,
        session::Proof,
        throttle::registrations,
        user::{MAX_NAME_CHARS, Role, User, parse_name},
    },
    error::{AppError, Conflict, FieldError},
    state::AppState,
};

/// What somebody typed who wants an account.
pub struct Registration {
    /// The address.
    pub email: String,
    /// What the shop shall call them.
    pub name: String,
    /// The password, exactly as typed.
    pub password: SecretString,
}

/// Opens an account and signs its owner in; a visitor's cart becomes theirs.
///
/// # Errors
/// [`AppError::Invalid`] with every field at once; [`Conflict::EmailTaken`]; [`AppError::TooMany`]
/// when the address has opened, or tried to open, too many.
pub async fn register(
    state: &AppState,
    registration: Registration,
    visitor: Option<SessionId>,
    origin: &Origin,
) -> Result<Begun, AppError> {
    let host = state.config.app_url.host();
    let (email, name) = checked(&state.passwords, &registration, Some(host)).await?;
    let limit = registrations(state.config.registrations_per_address);
    throttle::count_address(state, limit, origin).await?;
    let hash = state.passwords.hash(registration.password).await?;
    let now = state.clock.now();
    let user = User {
        id: UserId::generate(now),
        email: email.as_str().to_owned(),
        name,
        role: Role::Buyer,
        second_factor: false,
    };

    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    users::insert_user(&tx, &user, &email, &hash, now)
        .await
        .map_err(taken)?;
    let letter = NewMail {
        letter: Letter::VerifyAddress,
        user: user.id,
        recipient: &user.email,
        session: None,
        at: now,
    };
    insert_mail(&tx, &letter).await?;
    adopt(&tx, visitor, user.id).await?;
    let mut begun = state
        .sessions
        .begin(&tx, &user, 0, false, Proof::Full, origin)
        .await?;
    let opened = Entry {
        event: Event::UserCreated,
        user: Some(user.id),
        actor: None,
        session: Some(begun.session.id),
        origin,
        details: json!({"role": user.role}),
    };
    record(&tx, now, opened).await?;
    signed_in(
        &tx,
        now,
        &begun,
        Event::LoginSuccess,
        json!({"country": origin.country}),
        origin,
    )
    .await?;
    begun.device = Some(devices::remember(&tx, user.id, origin, now).await?);
    tx.commit().await?;
    tracing::info!(user.id = %user.id, session.id = %begun.session.id, "registered");
    Ok(begun)
}

/// A taken address is a conflict, everything else what it was.
pub fn taken(error: db::DbError) -> AppError {
    if error.violates("users_email_key") {
        AppError::Conflict(Conflict::EmailTaken)
    } else {
        error.into()
    }
}

/// Looks at all fields before it answers, so that one round of corrections is enough.
pub async fn checked(
    passwords: &Passwords,
    registration: &Registration,
    host: Option<&str>,
) -> Result<(Email, String), AppError> {
    let mut errors = Vec::new();
    let email = Email::parse(&registration.email);
    if email.is_none() {
        errors.push(FieldError::new(
            "email",
            "This is not an e-mail address like name@example.org.",
        ));
    }
    let name = parse_name(&registration.name);
    if name.is_none() {
        errors.push(FieldError::new(
            "name",
            format!("A name has 1 to {MAX_NAME_CHARS} characters."),
        ));
    }
    let owner = Owner {
        email: email.as_ref().map_or("", Email::as_str),
        name: name.unwrap_or_default(),
        second_factor: false,
        host,
    };
    if let Some(weakness) = passwords.weakness(&registration.password, owner).await? {
        errors.push(FieldError::new("password", weakness));
    }
    match (email, name) {
        (Some(email), Some(name)) if errors.is_empty() => Ok((email, name.to_owned())),
        _ => Err(AppError::Invalid(errors)),
    }
}
