//! Lines that another thread writes.
//!
//! Making a line is a sizeable part of what a small delivery costs; whoever serves requests only
//! leaves the facts here.

use std::{
    sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use super::Facts;

/// The longest that facts wait for company.
const PATIENCE: Duration = Duration::from_millis(50);

/// More than so many wait for nobody: then whoever brings one writes it.
const MOST: usize = 100_000;

static WAITING: Mutex<Vec<Facts>> = Mutex::new(Vec::new());
static CAME: Condvar = Condvar::new();

/// Has a line written about these facts, soon.
pub(super) fn write(facts: Facts) {
    static THREAD: OnceLock<bool> = OnceLock::new();
    let has_thread = *THREAD.get_or_init(|| {
        let thread = thread::Builder::new().name("delivery log".to_owned());
        thread.spawn(keep_writing).is_ok()
    });
    let mut waiting = lock();
    if !has_thread || waiting.len() >= MOST {
        drop(waiting);
        facts.write();
        return;
    }
    if waiting.is_empty() {
        CAME.notify_one();
    }
    waiting.push(facts);
}

/// Writes the lines that wait.
pub(crate) fn write_out() {
    let waiting = std::mem::take(&mut *lock());
    waiting.iter().for_each(Facts::write);
}

fn keep_writing() {
    loop {
        drop(CAME.wait_while(lock(), |waiting| waiting.is_empty()));
        thread::sleep(PATIENCE);
        write_out();
    }
}

/// Whole after every statement.
fn lock() -> MutexGuard<'static, Vec<Facts>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}
