//! A letter as it leaves: rendered, addressed, with the headers of a machine's letter.

use std::time::SystemTime;

use askama::Template;
use chrono::{DateTime, Utc};
use lettre::{
    Message as Envelope,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use shared::base_url::BaseUrl;

use super::words::Words;
use crate::domain::{ids::MailId, mail::Letter};

/// A letter as it leaves.
#[derive(Clone)]
pub struct Message {
    /// Which.
    pub id: MailId,
    /// What it is about.
    pub letter: Letter,
    /// Where to.
    pub recipient: String,
    /// When it leaves.
    pub at: DateTime<Utc>,
    /// The subject.
    pub subject: String,
    /// For programs that show text.
    pub text: String,
    /// For programs that show HTML: a whole document.
    pub html: String,
    /// What stands in the document's body.
    pub html_body: String,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    words: &'a Words,
    shop: &'a str,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    words: &'a Words,
    shop: &'a str,
}

#[derive(Template)]
#[template(path = "mail/body.html")]
struct HtmlBody<'a> {
    words: &'a Words,
    shop: &'a str,
}

impl Message {
    /// Renders a letter.
    ///
    /// # Errors
    /// A template fails, which none of ours can.
    pub fn render(
        id: MailId,
        letter: Letter,
        recipient: String,
        words: &Words,
        app_url: &BaseUrl,
        at: DateTime<Utc>,
    ) -> Result<Self, askama::Error> {
        let shop = app_url.as_str();
        Ok(Self {
            id,
            letter,
            recipient,
            at,
            subject: words.subject.to_owned(),
            text: Text { words, shop }.render()?,
            html: Html { words, shop }.render()?,
            html_body: HtmlBody { words, shop }.render()?,
        })
    }

    /// The letter as SMTP carries it; nothing when its recipient is no address SMTP knows.
    ///
    /// A second attempt has the same Message-ID, so that mailboxes may know it again; the link of
    /// the first one stays good.
    pub fn envelope(&self, from: &Mailbox, host: &str) -> Option<Envelope> {
        let to = Mailbox::new(None, self.recipient.parse().ok()?);
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Envelope::builder()
            .message_id(Some(format!("<{}@{host}>", self.id)))
            .date(SystemTime::from(self.at))
            .from(from.clone())
            .to(to)
            .subject(&self.subject)
            // RFC 3834 §5: no vacation notice is to answer it.
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(
                self.text.clone(),
                self.html.clone(),
            ))
            .ok()
    }
}
