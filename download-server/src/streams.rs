//! How many deliveries are running, in all and by each lease.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// So many may wait for their turn by one lease.
const MAX_WAITING: usize = 64;

/// More wait by a lease than any client needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyWait;

/// The deliveries running now.
#[derive(Debug)]
pub(crate) struct Streams {
    max_per_lease: usize,
    n_running: AtomicUsize,
    idle: Notify,
    // Std mutex: never held across an await.
    leases: Mutex<HashMap<Uuid, Lease>>,
}

/// The deliveries of one claimed token.
#[derive(Debug)]
struct Lease {
    permits: Arc<Semaphore>,
    /// How many run or wait; the last one takes this entry with it.
    n_users: usize,
}

/// One running delivery; dropped, it has ended and one that waited may run.
#[derive(Debug)]
pub(crate) struct RunningDelivery {
    /// Given back before its place among the lease's users.
    permit: Option<OwnedSemaphorePermit>,
    place: Place,
}

/// A place among those who run or wait by one lease.
#[derive(Debug)]
struct Place {
    streams: Arc<Streams>,
    jti: Uuid,
}

impl Streams {
    pub(crate) fn new(max_per_lease: usize) -> Self {
        Self {
            max_per_lease,
            n_running: AtomicUsize::new(0),
            idle: Notify::new(),
            leases: Mutex::default(),
        }
    }

    /// Begins a delivery of the token `jti`, as soon as fewer than the cap of them run.
    ///
    /// # Errors
    /// Too many wait already.
    pub(crate) async fn begin(self: &Arc<Self>, jti: Uuid) -> Result<RunningDelivery, TooManyWait> {
        let permits = self.enter(jti)?;
        let place = Place {
            streams: Arc::clone(self),
            jti,
        };
        // Nobody closes the semaphore.
        let permit = permits.acquire_owned().await.ok();
        self.n_running.fetch_add(1, Ordering::SeqCst);
        Ok(RunningDelivery { permit, place })
    }

    fn enter(&self, jti: Uuid) -> Result<Arc<Semaphore>, TooManyWait> {
        let mut leases = self.lock();
        let lease = leases.entry(jti).or_insert_with(|| Lease {
            permits: Arc::new(Semaphore::new(self.max_per_lease)),
            n_users: 0,
        });
        if lease.n_users >= self.max_per_lease + MAX_WAITING {
            return Err(TooManyWait);
        }
        lease.n_users += 1;
        Ok(Arc::clone(&lease.permits))
    }

    fn leave(&self, jti: Uuid) {
        if let Entry::Occupied(mut lease) = self.lock().entry(jti) {
            lease.get_mut().n_users -= 1;
            if lease.get().n_users == 0 {
                lease.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Lease>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.leave(self.jti);
    }
}

impl Drop for RunningDelivery {
    fn drop(&mut self) {
        self.permit = None;
        let streams = &self.place.streams;
        if streams.n_running.fetch_sub(1, Ordering::SeqCst) == 1 {
            streams.idle.notify_waiters();
        }
    }
}
