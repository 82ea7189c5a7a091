//! Letters kept in memory, for the demo and for tests.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::message::Message;

/// Letters that are kept at a time; the oldest make room.
const KEPT: usize = 500;

/// Letters kept in memory; a clone is a second handle on the same ones.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<VecDeque<Message>>>); // std mutex: never held across an await

impl Kept {
    /// All of them, the oldest first.
    pub fn all(&self) -> Vec<Message> {
        self.lock().iter().cloned().collect()
    }

    pub(super) fn add(&self, message: Message) {
        let mut letters = self.lock();
        if letters.len() >= KEPT {
            letters.pop_front();
        }
        letters.push_back(message);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Message>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Kept {
    /// Their links are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} letters", self.lock().len())
    }
}
