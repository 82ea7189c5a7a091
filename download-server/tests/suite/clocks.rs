//! Time: expiry, restarts, and clocks that disagree.

use chrono::TimeDelta;

use crate::node::Node;

#[actix_web::test]
async fn a_token_lives_until_the_second_of_its_exp() {
    let node = Node::start().await;
    let (link, late) = (node.link(), node.link());

    node.pass(119);
    assert_eq!(node.get(&link).await.status, 200);

    node.pass(1);
    let answer = node.get(&late).await;
    assert_eq!((answer.status, answer.code().as_str()), (410, "expired"));
}

#[actix_web::test]
async fn a_token_from_the_future_means_a_wrong_clock() {
    let node = Node::start().await;
    let ahead = |secs| {
        let mut claims = node.claims();
        claims.iat += secs;
        claims.exp += secs;
        node.link_of(&claims)
    };

    assert_eq!(node.get(&ahead(2)).await.status, 200);
    let link = ahead(3);
    let future = node.get(&link).await;
    assert_eq!((future.status, future.code().as_str()), (503, "clocks"));
    assert!(future.header("retry-after").is_some());

    node.pass(1);
    assert_eq!(node.get(&link).await.status, 200);
}

#[actix_web::test]
async fn a_clock_that_steps_back_reopens_nothing() {
    let node = Node::start().await;
    let (used, unused) = (node.link(), node.link());
    node.get(&used).await;

    node.pass(120);
    assert_eq!(node.get(&unused).await.status, 410);
    assert_eq!(
        node.get(&node.link()).await.status,
        200,
        "this purges what has expired"
    );
    node.pass(-119);

    for link in [used, unused] {
        assert_eq!(node.get(&link).await.status, 410);
    }
}

#[actix_web::test]
async fn a_restart_reopens_nothing_however_far_the_shops_clock_may_be_off() {
    for millis in [0, 500, 999] {
        for ahead in -2..=2 {
            let node = Node::start().await;
            node.clock.advance(TimeDelta::milliseconds(10_000 + millis));
            let mut claims = node.claims();
            claims.iat += ahead;
            claims.exp = claims.iat + 300;
            let link = node.link_of(&claims);
            assert_eq!(node.get(&link).await.status, 200);

            let node = node.restart().await;

            for secs in [0, 1, 1, 1, 1, 1, 1, 60, 100, 134, 1, 1, 1] {
                node.pass(secs);
                let answer = node.get(&link).await;
                assert_eq!(
                    answer.status,
                    410,
                    "{ahead} s ahead, {:?}",
                    node.clock.now()
                );
            }
        }
    }
}

#[actix_web::test]
async fn after_a_start_it_is_not_ready_until_no_older_token_can_be_good() {
    let node = Node::start().await;
    node.clock.advance(TimeDelta::milliseconds(999));
    let before = node.link();
    let node = node.restart().await;

    for _ in 0..3 {
        let (status, body) = node.ready().await;
        assert_eq!(
            (status, body["ready"].as_bool()),
            (503, Some(false)),
            "{body}"
        );
        let answer = node.get(&node.link()).await;
        assert_eq!((answer.status, answer.code().as_str()), (410, "expired"));
        node.pass(1);
    }

    assert_eq!(node.ready().await.0, 200);
    assert_eq!(node.get(&node.link()).await.status, 200);
    assert_eq!(
        node.get(&before).await.status,
        410,
        "unused, but nobody here can know that"
    );
}
