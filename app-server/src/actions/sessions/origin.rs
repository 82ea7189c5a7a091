//! Where requests come from.

use crate::{db::sessions::Place, domain::device::DeviceSecret};

/// Longer user agents are cut when stored.
const MAX_USER_AGENT_CHARS: usize = 400;

/// Where a session is begun from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client's address, as believed.
    pub ip: String,
    /// `User-Agent`, as sent.
    pub user_agent: String,
    /// Two letters, as far as GEOIP_DB knows.
    pub country: Option<String>,
    /// What its device cookie holds.
    pub device: Option<DeviceSecret>,
}

impl Origin {
    /// What an operator does on the machine itself.
    pub fn command_line() -> Self {
        Self {
            ip: "local".to_owned(),
            user_agent: "command line".to_owned(),
            country: None,
            device: None,
        }
    }

    /// As the database keeps it: PostgreSQL's text holds no NUL, and nobody's table a novel.
    pub(in crate::actions) fn stored(&self) -> Self {
        let user_agent = self.user_agent.chars().filter(|c| *c != '\0');
        Self {
            ip: self.ip.clone(),
            user_agent: user_agent.take(MAX_USER_AGENT_CHARS).collect(),
            country: self.country.clone(),
            device: None,
        }
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place {
            ip: &self.ip,
            user_agent: &self.user_agent,
            country: self.country.as_deref(),
        }
    }
}
