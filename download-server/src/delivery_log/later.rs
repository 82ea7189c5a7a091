//! Lines that another thread writes.
//!
//! Making a line is a sizeable part of what a small delivery costs; when many end, whoever serves
//! requests only leaves the facts here.

use std::{
    sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::Facts;

/// The longest that facts wait for company.
const PATIENCE: Duration = Duration::from_millis(50);

/// More than so many wait for nobody: then whoever brings one writes it.
const MOST: usize = 100_000;

/// Room for so many is kept, so that those who serve requests need not make it.
const KEPT: usize = 4_096;

/// Deliveries that end further apart are no crowd: their lines are written at once.
const APART: Duration = Duration::from_millis(5);

static WAITING: Mutex<Waiting> = Mutex::new(Waiting {
    facts: Vec::new(),
    last_at: None,
});
static CAME: Condvar = Condvar::new();

struct Waiting {
    facts: Vec<Facts>,
    /// When a delivery last ended.
    last_at: Option<Instant>,
}

/// Has a line written about these facts: at once, or soon where many come.
pub(super) fn write(facts: Facts) {
    static THREAD: OnceLock<bool> = OnceLock::new();
    let has_thread = *THREAD.get_or_init(|| {
        let thread = thread::Builder::new().name("delivery log".to_owned());
        thread.spawn(keep_writing).is_ok()
    });
    let mut waiting = lock();
    let last_at = waiting.last_at.replace(Instant::now());
    let is_alone = waiting.facts.is_empty() && last_at.is_none_or(|at| at.elapsed() > APART);
    if is_alone || !has_thread || waiting.facts.len() >= MOST {
        drop(waiting);
        facts.write();
        return;
    }
    if waiting.facts.is_empty() {
        CAME.notify_one();
    }
    waiting.facts.push(facts);
}

/// Writes the lines that wait.
pub(crate) fn write_out() {
    write_and_clear(&mut Vec::new());
}

/// Writes the lines that wait; `facts`, which is empty, changes places with theirs.
fn write_and_clear(facts: &mut Vec<Facts>) {
    std::mem::swap(&mut lock().facts, facts);
    facts.iter().for_each(Facts::write);
    facts.clear();
    // What a rush has needed is not kept for ever.
    facts.shrink_to(KEPT);
}

fn keep_writing() {
    let mut facts = Vec::new();
    loop {
        drop(CAME.wait_while(lock(), |waiting| waiting.facts.is_empty()));
        thread::sleep(PATIENCE);
        write_and_clear(&mut facts);
    }
}

/// Whole after every statement.
fn lock() -> MutexGuard<'static, Waiting> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}
