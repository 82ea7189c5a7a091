//! `?event= &user= &session= &ip= &from= &until=`: which rows of the audit log.

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    db::{Queries, accounts::find_user_id, audit::EventFilter},
    domain::{
        audit::Event,
        email::email_key,
        ids::{SessionId, UserId},
    },
    error::{AppError, FieldError},
};

/// As it was sent; what is empty does not matter.
#[derive(Default, Deserialize)]
pub struct AuditQuery {
    /// The name of an event.
    #[serde(default)]
    pub event: String,
    /// A user's identifier or address.
    #[serde(default)]
    pub user: String,
    /// A session's public identifier.
    #[serde(default)]
    pub session: String,
    /// An address, as the log writes it.
    #[serde(default)]
    pub ip: String,
    /// The first day, UTC.
    #[serde(default)]
    pub from: String,
    /// The last day, UTC.
    #[serde(default)]
    pub until: String,
}

impl AuditQuery {
    /// What it asks for; nothing when nobody has that address.
    ///
    /// # Errors
    /// 422 with every parameter that makes no sense.
    pub async fn filter(&self, db: &impl Queries) -> Result<Option<EventFilter>, AppError> {
        let mut errors = Vec::new();
        let mut filter = self.parsed(&mut errors);
        if !errors.is_empty() {
            return Err(AppError::Invalid(errors));
        }
        let user = self.user.trim();
        if !user.is_empty() && filter.user.is_none() {
            let key = email_key(user).replace('\0', "");
            filter.user = find_user_id(db, &key).await?;
            if filter.user.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(filter))
    }

    fn parsed(&self, errors: &mut Vec<FieldError>) -> EventFilter {
        let uuid = |text: &str| text.trim().parse::<Uuid>().ok();
        let mut given = |name, text: &str, detail: &str, is_sound: bool| {
            if !text.trim().is_empty() && !is_sound {
                errors.push(FieldError::new(name, detail));
            }
        };
        let filter = EventFilter {
            event: Event::parse(self.event.trim()),
            user: uuid(&self.user).map(UserId),
            session: uuid(&self.session).map(SessionId),
            ip: Some(self.ip.trim().replace('\0', "")).filter(|ip| !ip.is_empty()),
            from: day(&self.from).map(beginning),
            until: day(&self.until)
                .and_then(|day| day.checked_add_days(Days::new(1)))
                .map(beginning),
        };
        given(
            "event",
            &self.event,
            "There is no event of this name.",
            filter.event.is_some(),
        );
        given(
            "session",
            &self.session,
            "A session is named by its public identifier.",
            filter.session.is_some(),
        );
        let date = "A day is written like 2026-11-27.";
        given("from", &self.from, date, filter.from.is_some());
        given("until", &self.until, date, filter.until.is_some());
        filter
    }
}

/// Years that PostgreSQL, an identifier's timestamp and we agree on.
fn day(text: &str) -> Option<NaiveDate> {
    let day: NaiveDate = text.trim().parse().ok()?;
    let sound = NaiveDate::from_ymd_opt(1970, 1, 1)?..NaiveDate::from_ymd_opt(9999, 1, 1)?;
    sound.contains(&day).then_some(day)
}

fn beginning(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_that_makes_no_sense_is_named_at_once() {
        let query = AuditQuery {
            event: "no_such_event".to_owned(),
            session: "not-a-uuid".to_owned(),
            from: "yesterday".to_owned(),
            until: "2026-02-30".to_owned(),
            ..AuditQuery::default()
        };
        let mut errors = Vec::new();
        query.parsed(&mut errors);
        let fields: Vec<_> = errors.iter().map(|error| error.field).collect();
        assert_eq!(fields, ["event", "session", "from", "until"]);
    }

    #[test]
    fn the_last_day_counts_to_its_end() {
        let query = AuditQuery {
            from: "2026-11-27".to_owned(),
            until: "2026-11-27".to_owned(),
            ..AuditQuery::default()
        };
        let filter = query.parsed(&mut Vec::new());
        let hours = filter
            .until
            .zip(filter.from)
            .map(|(until, from)| (until - from).num_hours());
        assert_eq!(hours, Some(24));
    }
}
