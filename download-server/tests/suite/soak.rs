//! What takes its time; `make soak` runs it.

use std::time::Duration;

use rustix::process::Signal;

use crate::{
    delivery::{Delivery, LARGE_BYTES, large_file},
    program::Site,
};

#[actix_web::test]
#[ignore = "takes 50 s: make soak"]
async fn a_download_of_50_s_finishes_within_a_drain_of_60() {
    let site = Site::new();
    let content = large_file();
    let mut program = site.start(&[("DRAIN_SECS", "60")]).await;
    site.until_ready().await;
    let mut delivery = Delivery::begin(site.address(), &site.link(&content)).await;

    program.signal(Signal::TERM);
    let (half, rest) = (LARGE_BYTES / 2, Duration::from_millis(500));
    delivery.read_slowly(half, 100, rest).await;

    assert!(program.is_running(), "it waits for its reader");
    assert!(delivery.finish().await == content);
    assert_eq!(program.status().await.code(), Some(0));
}
