//! What is known of one download server, from one question to the next.

use std::collections::VecDeque;

use shared::base_url::BaseUrl;

use super::probe::Readiness;

/// Answers in a row of one process before an address that showed two is trusted again: a minute.
const STEADY: u32 = 30;

/// Earlier processes remembered; more restarts than this within [`STEADY`] answers are no restarts.
const REMEMBERED: usize = 16;

/// What is known of one download server; down at first.
#[derive(Debug, Default)]
pub struct Health {
    state: Option<State>,
    /// Which process answered last.
    instance: Option<String>,
    /// Processes that answered before that one.
    earlier: VecDeque<String>,
    /// Answers in a row by `instance`.
    n_steady: u32,
    /// An earlier process came back: there are two at once.
    doubled: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Ready { has_room: bool },
    Down { why: String },
}

impl Health {
    /// May be sent somebody.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, Some(State::Ready { .. }))
    }

    /// May be sent somebody, is below its cap of streams and can remember another token.
    pub fn has_room(&self) -> bool {
        matches!(self.state, Some(State::Ready { has_room: true }))
    }

    /// Takes in one answer of the server at `url`; logs what changed.
    pub fn observe(&mut self, url: &BaseUrl, answer: Result<Readiness, String>) {
        let state = self.judge(answer);
        if self
            .state
            .as_ref()
            .is_none_or(|before| !alike(before, &state))
        {
            match &state {
                State::Ready { .. } => tracing::info!(%url, "download server ready"),
                State::Down { why } => tracing::warn!(%url, why, "download server down"),
            }
        }
        self.state = Some(state);
    }

    fn judge(&mut self, answer: Result<Readiness, String>) -> State {
        let readiness = match answer {
            Ok(readiness) => readiness,
            Err(why) => return State::Down { why },
        };
        self.recognise(readiness.instance);
        if self.doubled {
            let why = "two processes answer at this address, and each would let a token be used \
                once; give each its own DOWNLOAD_URL";
            return State::Down {
                why: why.to_owned(),
            };
        }
        if !readiness.ready {
            let why = readiness.reason.unwrap_or_else(|| "not ready".to_owned());
            return State::Down { why };
        }
        // Full for a moment is not down: it is the only one left when all are.
        State::Ready {
            has_room: readiness.streams < readiness.max_streams
                && readiness.claims < readiness.max_claims,
        }
    }

    /// A process that went and came back did not restart: it takes turns with another.
    fn recognise(&mut self, instance: String) {
        if self.instance.as_ref() == Some(&instance) {
            self.n_steady = self.n_steady.saturating_add(1);
            if self.n_steady >= STEADY {
                self.doubled = false;
                self.earlier.clear();
            }
            return;
        }
        self.n_steady = 1;
        if self.earlier.contains(&instance) {
            self.doubled = true;
        }
        if let Some(before) = self.instance.replace(instance)
            && !self.earlier.contains(&before)
        {
            self.earlier.push_back(before);
        }
        if self.earlier.len() > REMEMBERED {
            self.earlier.pop_front();
            self.doubled = true;
        }
    }
}

/// Nothing that the log should say again; streams come and go.
fn alike(one: &State, other: &State) -> bool {
    matches!((one, other), (State::Ready { .. }, State::Ready { .. })) || one == other
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn answer(instance: &str) -> Readiness {
        Readiness {
            ready: true,
            reason: None,
            instance: instance.to_owned(),
            audience: String::new(),
            issuer: String::new(),
            streams: 0,
            max_streams: 10,
            claims: 0,
            max_claims: 10,
        }
    }

    /// Whether the server is ready after each of these processes answered in turn.
    fn ready_after(health: &mut Health, instances: &[&str]) -> Vec<bool> {
        let url: BaseUrl = "http://d.example".parse().unwrap();
        let observe = |instance: &&str| {
            health.observe(&url, Ok(answer(instance)));
            health.is_ready()
        };
        instances.iter().map(observe).collect()
    }

    #[test]
    fn a_server_is_down_until_it_answers_and_whenever_it_does_not() {
        let url: BaseUrl = "http://d.example".parse().unwrap();
        let mut health = Health::default();
        assert!(!health.is_ready());
        health.observe(&url, Ok(answer("a")));
        assert!(health.is_ready() && health.has_room());
        health.observe(&url, Err("does not answer".to_owned()));
        assert!(!health.is_ready());
        health.observe(
            &url,
            Ok(Readiness {
                ready: false,
                ..answer("a")
            }),
        );
        assert!(!health.is_ready());
        health.observe(
            &url,
            Ok(Readiness {
                streams: 10,
                ..answer("a")
            }),
        );
        assert!(health.is_ready() && !health.has_room());
        health.observe(
            &url,
            Ok(Readiness {
                claims: 10,
                ..answer("a")
            }),
        );
        assert!(health.is_ready() && !health.has_room());
    }

    #[test]
    fn restarts_are_fine() {
        let mut health = Health::default();
        assert_eq!(
            ready_after(&mut health, &["a", "a", "b", "c", "c", "d"]),
            [true; 6]
        );
    }

    #[test]
    fn two_processes_at_one_address_are_down_once_they_take_turns() {
        let mut health = Health::default();
        let answers = ["a", "b", "a", "b", "b", "a"];
        assert_eq!(
            ready_after(&mut health, &answers),
            [true, true, false, false, false, false]
        );
    }

    #[test]
    fn three_processes_are_noticed_too() {
        let mut health = Health::default();
        assert_eq!(
            ready_after(&mut health, &["a", "b", "c", "a"]),
            [true, true, true, false]
        );
    }

    #[test]
    fn a_process_that_answers_alone_for_a_minute_is_trusted_again() {
        let mut health = Health::default();
        ready_after(&mut health, &["a", "b", "a"]);
        let steady = ready_after(&mut health, &["a"; 29]);
        assert_eq!(steady.iter().filter(|ready| **ready).count(), 1);
        assert_eq!(
            ready_after(&mut health, &["b"]),
            [true],
            "that was a restart"
        );
    }

    #[test]
    fn a_new_process_for_every_answer_is_no_restart() {
        let mut health = Health::default();
        let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(ready_after(&mut health, &names).last(), Some(&false));
    }
}
