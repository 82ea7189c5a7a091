//! Points encoded in batches, with one division for all that are due at the moment.
//!
//! Encoding a point divides by one of its coordinates, which is a fifth of a verification; the
//! library divides for many points at the price of one (Montgomery's trick). So the first who has a
//! point starts a task that encodes it, and until that has its turn all others add theirs: those
//! whose requests arrived at the same moment. Nobody waits for time to pass.

use std::{
    cell::{OnceCell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix_web::rt;
use curve25519_dalek::{EdwardsPoint, edwards::CompressedEdwardsY};

/// More points than this cost no less each, and their requests would wait longer.
const MOST: usize = 64;

thread_local! {
    /// Where the next point goes.
    static OPEN: RefCell<Rc<Batch>> = RefCell::default();
}

/// Points of several requests; some of these may have been given up meanwhile.
struct Batch {
    points: RefCell<Vec<EdwardsPoint>>,
    waiting: RefCell<Vec<Waker>>,
    encoded: OnceCell<Vec<CompressedEdwardsY>>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            points: RefCell::new(Vec::with_capacity(MOST)),
            waiting: RefCell::new(Vec::with_capacity(MOST)),
            encoded: OnceCell::new(),
        }
    }
}

/// The encoding of `point` (RFC 8032 §5.1.2), after one turn of the thread's other tasks.
pub(super) async fn encode(point: EdwardsPoint) -> CompressedEdwardsY {
    let (batch, place) = Batch::join(point);
    let own = poll_fn(|cx| batch.poll(cx, place)).await;
    own.unwrap_or_else(|| point.compress())
}

impl Batch {
    /// Adds `point` to the batch that is open; its place there.
    fn join(point: EdwardsPoint) -> (Rc<Self>, usize) {
        OPEN.with_borrow_mut(|open| {
            let place = match open.points.borrow().len() {
                n_points if n_points < MOST && open.encoded.get().is_none() => n_points,
                _ => 0,
            };
            if place == 0 {
                *open = Rc::default();
                let due = Due(Rc::clone(open));
                rt::spawn(async move { drop(due) });
            }
            open.points.borrow_mut().push(point);
            (Rc::clone(open), place)
        })
    }

    fn poll(&self, cx: &Context<'_>, place: usize) -> Poll<Option<CompressedEdwardsY>> {
        if let Some(encoded) = self.encoded.get() {
            return Poll::Ready(encoded.get(place).copied());
        }
        self.waiting.borrow_mut().push(cx.waker().clone());
        Poll::Pending
    }
}

/// A batch that is encoded when this is dropped: also where its task is, before it ran.
struct Due(Rc<Batch>);

impl Drop for Due {
    fn drop(&mut self) {
        let points = self.0.points.take();
        self.0
            .encoded
            .get_or_init(|| EdwardsPoint::compress_batch_alloc(&points));
        self.0.waiting.take().into_iter().for_each(Waker::wake);
    }
}

/// What `future`, which waits for nothing but its turn, comes to.
#[cfg(any(test, fuzzing))]
pub(crate) fn finish<T>(future: impl Future<Output = T>) -> T {
    use tokio::{
        runtime::{Builder, Runtime},
        task::LocalSet,
    };

    thread_local! {
        static RUNTIME: (Runtime, LocalSet) = {
            #[expect(clippy::expect_used, reason = "without one there is nothing to test")]
            let runtime = Builder::new_current_thread().build().expect("a runtime");
            (runtime, LocalSet::new())
        };
    }
    RUNTIME.with(|(runtime, tasks)| tasks.block_on(runtime, future))
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::Scalar;
    use futures_util::future::join_all;
    use proptest::prelude::*;
    use tokio::task::{LocalSet, yield_now};

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]

        /// Requests that come after so many turns, and may be given up after so many more.
        #[test]
        fn everybody_gets_the_encoding_of_their_own_point(
            requests in prop::collection::vec((1..u64::MAX, 0..4_u8, prop::option::of(0..3_u8)), 1..200),
        ) {
            let turns = async |n| {
                for _ in 0..n {
                    yield_now().await;
                }
            };
            let request = async |(n, after, given_up_after)| {
                turns(after).await;
                let point = EdwardsPoint::mul_base(&Scalar::from(n));
                let answer = rt::spawn(encode(point));
                if let Some(after) = given_up_after {
                    turns(after).await;
                    answer.abort();
                }
                // None where it was given up in time.
                answer.await.map_or(true, |answer| answer == point.compress())
            };
            let answers = finish(join_all(requests.into_iter().map(request)));
            prop_assert!(answers.into_iter().all(|is_right| is_right));
        }
    }

    #[test]
    fn a_batch_whose_task_is_dropped_before_it_ran_is_encoded_all_the_same() {
        let point = EdwardsPoint::mul_base(&Scalar::from(7_u64));
        let mut encoding = Box::pin(encode(point));
        let tasks = LocalSet::new();
        let cx = &mut Context::from_waker(Waker::noop());
        {
            let _entered = tasks.enter();
            assert!(encoding.as_mut().poll(cx).is_pending());
            assert!(encoding.as_mut().poll(cx).is_pending(), "asked again");
        }
        drop(tasks);
        assert_eq!(encoding.as_mut().poll(cx), Poll::Ready(point.compress()));
    }

    #[actix_web::test]
    async fn those_who_come_together_divide_once_and_no_batch_grows_without_end() {
        let points = (1..=2 * MOST as u64).map(|n| EdwardsPoint::mul_base(&Scalar::from(n)));
        let all = join_all(points.map(encode)).await;
        assert_eq!(all.len(), 2 * MOST);
        let last = OPEN.with_borrow(Rc::clone);
        assert_eq!(last.encoded.get().map(Vec::len), Some(MOST));
    }
}
