//! Signing keys come and go while buyers download.

use std::collections::BTreeSet;

use app_server::keys::folder::Folder;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::Value;
use tests::{client::Client, world::World};

/// The name of the key that signed a link's token.
fn kid(link: &str) -> String {
    let (_, token) = link.split_once("/d/").unwrap();
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap());
    let header: Value = serde_json::from_slice(&header.unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

async fn link(ada: &Client, file: &str) -> String {
    let answer = ada.get(&format!("/library/files/{file}/download")).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.location().to_owned()
}

#[tokio::test]
async fn keys_rotate_and_no_download_is_refused() {
    let world = World::start().await;
    world.publish("song", 0, &[("song.txt", b"la la la")]).await;
    let ada = world.user("ada").await;
    let file = world.buy(&ada, "song").await;
    let state = world.server().state();
    let folder = Folder::new(world.config().keys_dir.clone());
    let published = || {
        let keys = state.signer.key_set();
        keys.iter()
            .map(|key| key.kid().to_owned())
            .collect::<Vec<_>>()
    };

    let browser = world.anyone();
    let leased = link(&ada, &file).await;
    assert_eq!(browser.get(&leased).await.status, 200);
    folder.generate(world.clock.now()).unwrap();
    let mut signers = BTreeSet::new();
    let mut held = Vec::new();
    // The download server reads keys only when it meets a new one: its own minute is a real one.
    for _ in 0..27 {
        state.signer.reload().unwrap();
        let (now, later) = (link(&ada, &file).await, link(&ada, &file).await);
        signers.extend([kid(&now), kid(&later)]);
        assert_eq!(world.anyone().get(&now).await.status, 200);
        held.push(later);
        if held.len() > 11 {
            let almost_expired = held.remove(0);
            assert_eq!(world.anyone().get(&almost_expired).await.status, 200);
            assert_eq!(world.anyone().get(&almost_expired).await.status, 410);
        }
        world.advance(TimeDelta::seconds(10));
    }
    assert_eq!(signers.len(), 2, "the new key took over on the way");

    // Its last lease outlives the old key's last signature by a day.
    world.advance(TimeDelta::hours(23));
    state.signer.reload().unwrap();
    assert_eq!(published().len(), 2);
    assert!(world.node().server().refresh_keys().await);
    assert_eq!(browser.get(&leased).await.status, 200);
    world.advance(TimeDelta::hours(3));
    state.signer.reload().unwrap();
    assert_eq!(published().len(), 1, "and then it is over");
    assert!(world.node().server().refresh_keys().await);
    ada.sign_in("ada").await;
    let fresh = link(&ada, &file).await;
    assert_eq!(world.anyone().get(&fresh).await.status, 200);
    world.end().await;
}

#[tokio::test]
async fn rotation_after_rotation_every_token_is_served_once() {
    let world = World::start().await;
    world.publish("song", 0, &[("song.txt", b"la la la")]).await;
    let ada = world.user("ada").await;
    let file = world.buy(&ada, "song").await;
    let signer = &world.server().state().signer;
    let folder = Folder::new(world.config().keys_dir.clone());
    let mut signers = BTreeSet::new();

    for _ in 0..5 {
        folder.generate(world.clock.now()).unwrap();
        signer.reload().unwrap();
        let before = link(&ada, &file).await;
        world.advance(TimeDelta::seconds(119));
        assert_eq!(world.anyone().get(&before).await.status, 200);
        world.advance(TimeDelta::seconds(1));
        signer.reload().unwrap();
        let after = link(&ada, &file).await;
        assert_eq!(world.anyone().get(&after).await.status, 200);
        for link in [before, after] {
            assert_eq!(world.anyone().get(&link).await.status, 410);
            signers.insert(kid(&link));
        }
    }

    assert_eq!(signers.len(), 6);
    world.end().await;
}
