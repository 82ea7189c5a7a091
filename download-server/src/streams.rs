//! How many deliveries are running.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// The deliveries running now.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    n_running: AtomicUsize,
    idle: Notify,
}

/// One running delivery; dropped, it has ended.
#[derive(Debug)]
pub(crate) struct RunningDelivery(Arc<Streams>);

impl Streams {
    pub(crate) fn begin(self: &Arc<Self>) -> RunningDelivery {
        self.n_running.fetch_add(1, Ordering::SeqCst);
        RunningDelivery(Arc::clone(self))
    }

    pub(crate) fn n_running(&self) -> usize {
        self.n_running.load(Ordering::SeqCst)
    }

    /// Waits until nothing is running.
    pub(crate) async fn until_idle(&self) {
        loop {
            // Listens before it looks: an end between the two would go unheard.
            let idle = self.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if self.n_running() == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl Drop for RunningDelivery {
    fn drop(&mut self) {
        if self.0.n_running.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
