//! What takes its time; `make soak` runs it.

use std::time::Duration;

use rustix::process::Signal;

#[cfg(target_os = "linux")]
use crate::siege::{Attack, Siege};
use crate::{
    delivery::{Delivery, LARGE_BYTES, large_file},
    program::Site,
};

/// What the server may hold resident at most, whoever comes: 32 KiB for each of 10,000 connections,
/// of which actix has two buffers of 8, and 64 MiB for all else.
#[cfg(target_os = "linux")]
const MOST_RESIDENT_BYTES: u64 = 10_000 * 32 * 1024 + 64 * 1024 * 1024;

/// What the kernel may hold at most for sockets, both ends of each.
#[cfg(target_os = "linux")]
const MOST_KERNEL_BYTES: u64 = 400 * 1024 * 1024;

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

/// Half are silent, half drip, a part of these on connections that were of use before.
#[cfg(target_os = "linux")]
#[actix_web::test]
#[ignore = "takes 2 min: make soak"]
async fn ten_thousand_silent_dripping_and_stalled_clients_disturb_no_download() {
    let siege = Siege::prepare(&[]).await;
    let n_sockets = siege.n_sockets();

    let mut resident_bytes = Vec::new();
    for lasts in [60, 30] {
        let figures = siege
            .hold(Attack {
                n_clients: 10_000,
                n_stalled: 500,
                n_held: 9_500,
                lasts: Duration::from_secs(lasts),
            })
            .await;
        assert!(figures.n_small > 0 && figures.n_large > 0);
        assert!(figures.median_connections > 9_000, "they came back");
        assert!(figures.most_resident_bytes < MOST_RESIDENT_BYTES);
        assert!(figures.most_kernel_bytes < MOST_KERNEL_BYTES);

        resident_bytes.push(figures.most_resident_bytes);

        siege.until_nobody_is_left(n_sockets).await;
    }
    assert!(resident_bytes[1] < resident_bytes[0] / 4 * 5, "it grows");
}

#[cfg(target_os = "linux")]
#[actix_web::test]
#[ignore = "takes 20 s: make soak"]
async fn four_times_as_many_clients_as_may_connect_disturb_no_download() {
    let siege = Siege::prepare(&[("MAX_CONNECTIONS", "500")]).await;
    let n_sockets = siege.n_sockets();

    let figures = siege
        .hold(Attack {
            n_clients: 2_000,
            n_stalled: 50,
            n_held: 490,
            lasts: Duration::from_secs(20),
        })
        .await;

    assert!(figures.n_small > 0 && figures.n_large > 0);
    assert!(figures.most_resident_bytes < MOST_RESIDENT_BYTES);
    siege.until_nobody_is_left(n_sockets).await;
}
