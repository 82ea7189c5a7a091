//! Whoever takes the money.

use crate::{
    config::Payments,
    domain::{ids::OrderId, money::Money},
    error::{AppError, Conflict},
};

/// Whoever takes the money.
///
/// One that settles later, by a page of its own and a message afterwards, adds a variant to
/// [`Settlement`].
pub trait Provider {
    /// Whether an order with this total may be placed.
    ///
    /// # Errors
    /// [`Conflict::PaymentsOff`].
    fn accept(&self, total: Money) -> Result<(), AppError>;

    /// Takes the money for an order that nobody else is paying at this moment.
    ///
    /// # Errors
    /// [`Conflict::PaymentsOff`].
    fn settle(&self, order: OrderId, total: Money) -> Result<Settlement, AppError>;
}

/// How a payment went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The money is there, or none was due.
    Settled,
}

/// The provider that PAYMENTS names.
pub fn provider(payments: Payments) -> &'static dyn Provider {
    match payments {
        Payments::None => &Nobody,
        Payments::Test => &Test,
    }
}

/// PAYMENTS=none: only what is free is sold.
struct Nobody;

impl Provider for Nobody {
    fn accept(&self, total: Money) -> Result<(), AppError> {
        if total.is_free() {
            Ok(())
        } else {
            Err(AppError::Conflict(Conflict::PaymentsOff))
        }
    }

    fn settle(&self, _: OrderId, total: Money) -> Result<Settlement, AppError> {
        self.accept(total)?;
        Ok(Settlement::Settled)
    }
}

/// PAYMENTS=test: settled at once, no money moves.
struct Test;

impl Provider for Test {
    fn accept(&self, _: Money) -> Result<(), AppError> {
        Ok(())
    }

    fn settle(&self, order: OrderId, total: Money) -> Result<Settlement, AppError> {
        tracing::info!(order.id = %order, total.minor = total.minor(), "a test payment: no money moved");
        Ok(Settlement::Settled)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn without_payments_only_free_orders_are_accepted() {
        let (free, priced) = (Money::new(0, "EUR").unwrap(), Money::new(1, "EUR").unwrap());
        let nobody = provider(Payments::None);
        assert!(nobody.accept(free).is_ok());
        assert!(matches!(
            nobody.accept(priced),
            Err(AppError::Conflict(Conflict::PaymentsOff))
        ));
        assert!(provider(Payments::Test).accept(priced).is_ok());
    }
}
