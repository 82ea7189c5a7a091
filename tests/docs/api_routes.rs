//! docs/api.md has every call there is, and no other.

use std::collections::BTreeSet;

use app_server::http::routes;

use crate::{document, rows};

#[test]
fn the_api_document_lists_the_routes_that_are_served() {
    let document = document("docs/api.md");
    let served: BTreeSet<String> = routes::API
        .iter()
        .map(|entry| {
            let path = entry.path.strip_prefix("/api/v1").expect("beneath /api/v1");
            format!("{} {path}", entry.method)
        })
        .collect();
    let first_cells = rows(&document)
        .into_iter()
        .filter_map(|row| row.into_iter().next());
    let listed: BTreeSet<String> = first_cells
        .map(|cell| cell.replace('`', ""))
        .filter(|cell| {
            cell.split_once(' ')
                .is_some_and(|(_, path)| path.starts_with('/'))
        })
        .collect();

    assert_eq!(listed, served);
}
