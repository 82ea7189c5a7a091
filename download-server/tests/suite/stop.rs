//! SIGTERM, as service managers send it.

use std::time::Duration;

use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::{
    delivery::{Delivery, LARGE_BYTES, large_file},
    program::Site,
};

/// Half a second more than a server waits that runs nothing.
const N_STEPS: usize = 11;
const REST: Duration = Duration::from_millis(500);

#[actix_web::test]
async fn told_to_stop_it_finishes_what_runs_takes_nothing_new_and_exits_with_0() {
    let site = Site::new();
    let content = large_file();
    let mut program = site.start(&[("MAX_CLOCK_SKEW_SECS", "0")]).await;
    site.until_ready().await;
    let (running, refused) = (site.link(&content), site.link(b"refused"));
    let mut delivery = Delivery::begin(site.address(), &running).await;
    let lease = delivery.lease();

    program.signal(Signal::TERM);
    program.until_logged("draining").await;

    assert_eq!(site.ready().await, (503, "draining".to_owned()));
    let answer = site.get(&refused).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "draining"));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(site.get("/healthz").await.status, 200, "alive all the same");
    let resume = [("Cookie", lease.as_str()), ("Range", "bytes=-5")];
    assert_eq!(site.get_with(&running, &resume).await.status, 206);

    // More than the kernel holds is left.
    delivery.read_slowly(LARGE_BYTES / 2, N_STEPS, REST).await;
    assert!(program.is_running(), "it waits for its reader");
    assert!(delivery.finish().await == content);
    assert_eq!(program.status().await.code(), Some(0));
    assert!(program.has_logged("stopped"));
    assert!(TcpStream::connect(site.address()).await.is_err());
}

#[actix_web::test]
async fn the_second_signal_cuts_what_runs_and_its_lease_goes_on_after_the_start() {
    let site = Site::new();
    let content = large_file();
    let mut program = site.start(&[("MAX_CLOCK_SKEW_SECS", "0")]).await;
    site.until_ready().await;
    let link = site.link(&content);
    let delivery = Delivery::begin(site.address(), &link).await;
    let lease = delivery.lease();

    program.signal(Signal::TERM);
    program.until_logged("draining").await;
    program.signal(Signal::TERM);

    assert_eq!(program.status().await.code(), Some(0));
    let received = delivery.finish().await;
    assert!(received.len() < LARGE_BYTES, "the delivery was cut");

    let _program = site.start(&[]).await;
    let range = format!("bytes={}-", received.len());
    let resume = [("Cookie", lease.as_str()), ("Range", &range)];
    let rest = site.get_with(&link, &resume).await;
    assert_eq!(rest.status, 206);
    assert!([received, rest.body].concat() == content);
    assert_eq!(site.get(&link).await.status, 410);
}

#[actix_web::test]
async fn after_drain_secs_it_stops_whatever_runs() {
    let site = Site::new();
    let variables = [("MAX_CLOCK_SKEW_SECS", "0"), ("DRAIN_SECS", "1")];
    let mut program = site.start(&variables).await;
    site.until_ready().await;
    let delivery = Delivery::begin(site.address(), &site.link(&large_file())).await;

    program.signal(Signal::TERM);

    assert_eq!(program.status().await.code(), Some(0));
    assert!(delivery.finish().await.len() < LARGE_BYTES, "it was cut");
}
