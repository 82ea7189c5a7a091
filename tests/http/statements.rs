//! Every statement of the app-server, prepared on a migrated database.

use app_server::db::STATEMENTS;
use tests::db::TestDatabase;

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let database = TestDatabase::create().await;
    let db = database.client().await;

    for statement in STATEMENTS.iter().copied().flatten() {
        let prepared = db.prepare(statement).await;
        assert!(prepared.is_ok(), "{statement}\n{:?}", prepared.err());
    }
}
