//! How our identifiers travel to and from PostgreSQL: as the `uuid` inside.

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::domain::ids::{
    EventId, FileId, MailId, OrderId, ProductId, PurchaseId, SessionId, UserId,
};

type AnyError = Box<dyn std::error::Error + Sync + Send>;

macro_rules! as_uuid {
    ($($id:ty),*) => {$(
        impl ToSql for $id {
            fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, AnyError> {
                self.0.to_sql(kind, out)
            }

            fn accepts(kind: &Type) -> bool {
                <Uuid as ToSql>::accepts(kind)
            }

            to_sql_checked!();
        }

        impl<'a> FromSql<'a> for $id {
            fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, AnyError> {
                Uuid::from_sql(kind, raw).map(Self)
            }

            fn accepts(kind: &Type) -> bool {
                <Uuid as FromSql>::accepts(kind)
            }
        }
    )*};
}

as_uuid!(
    EventId, FileId, MailId, OrderId, ProductId, PurchaseId, SessionId, UserId
);
