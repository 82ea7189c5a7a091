//! A letter as somebody reads it.

use app_server::{domain::mail, mail::message::Message};

/// A letter as somebody reads it.
#[derive(Clone, Debug)]
pub struct Letter {
    /// What it is about.
    pub kind: mail::Letter,
    /// Whom it went to.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// Its HTML.
    pub html: String,
}

impl From<Message> for Letter {
    fn from(message: Message) -> Self {
        Self {
            kind: message.letter,
            recipient: message.recipient,
            subject: message.subject,
            text: message.text,
            html: message.html,
        }
    }
}

/// Where links with a secret lead.
const ERRANDS: &[&str] = &["/verify/", "/reset/", "/not-me/"];

impl Letter {
    /// The path of its link with a secret.
    ///
    /// # Panics
    /// When there is none.
    pub fn link(&self) -> String {
        self.find_link()
            .unwrap_or_else(|| panic!("no link in: {}", self.text))
    }

    /// The secret of its link, when it has one.
    pub fn secret(&self) -> Option<String> {
        let link = self.find_link()?;
        Some(link.rsplit('/').next().unwrap_or_default().to_owned())
    }

    fn find_link(&self) -> Option<String> {
        link_in(&self.text)
    }
}

/// The path of the link with a secret in a letter's text.
pub fn link_in(text: &str) -> Option<String> {
    let mut links = text
        .split_whitespace()
        .filter(|word| word.starts_with("http"));
    links.find_map(|link| {
        let at = ERRANDS.iter().find_map(|errand| link.find(errand))?;
        Some(link[at..].to_owned())
    })
}
