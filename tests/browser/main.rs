//! The shop in real browsers: one claim a test.

mod cross_site;
mod elsewhere;
mod firefox;
mod hand;
mod interrupted;
mod leaving;
mod pages;
mod second_factor;
mod sessions;
mod shopper;
mod twice;
mod walk;

use std::{fs, path::Path};

use tests::world::World;

/// A shop with the sample catalogue: every kind of file, covers, and long descriptions.
async fn shop() -> World {
    let world = World::start().await;
    let folder = world.folder.path().join("sample");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/catalogue");
    for product in fs::read_dir(&sample).expect("the sample catalogue") {
        let product = product.expect("a product").path();
        // Without its files is the one whose large file only the demo makes.
        if product.join("files").is_dir() {
            copy(&product, &folder.join(product.file_name().expect("a name")));
        }
    }
    let state = world.server().state();
    let imported = app_server::actions::import_catalogue::run(
        &state.database,
        &state.files,
        &state.clock,
        &folder,
    )
    .await;
    imported.expect("the sample catalogue");
    world
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).expect("a copy");
        return;
    }
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
