//! Prices.

use std::fmt;

use iso_currency::Currency;
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// An amount of one currency, never negative.
///
/// # Units
/// `minor`: the currency's minor units (ISO 4217): cents of a euro, whole yen, thousandths of a dinar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// `minor` units of the currency with this ISO 4217 code.
    ///
    /// Nothing for a negative amount, an unknown code, and codes that nobody pays in (gold, test).
    pub fn new(minor: i64, code: &str) -> Option<Self> {
        let currency = Currency::from_code(code)?;
        let paid_in = !currency.is_special() && currency.exponent().is_some();
        (minor >= 0 && paid_in).then_some(Self { minor, currency })
    }

    /// Nothing to pay.
    pub fn is_free(self) -> bool {
        self.minor == 0
    }

    /// In the currency's minor units.
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// Three capital letters.
    pub fn code(self) -> &'static str {
        self.currency.code()
    }

    /// The sum of amounts of one currency; free amounts are of any.
    ///
    /// # Errors
    /// Two currencies, or more than an `i64` holds. Nothing at all is `Ok(None)`.
    pub fn total(amounts: impl IntoIterator<Item = Self>) -> Result<Option<Self>, MixedCurrency> {
        let mut total: Option<Self> = None;
        for amount in amounts {
            total = Some(match total {
                None => amount,
                Some(sum) => sum.plus(amount).ok_or(MixedCurrency)?,
            });
        }
        Ok(total)
    }

    fn plus(self, other: Self) -> Option<Self> {
        let mixes = self.currency != other.currency && !self.is_free() && !other.is_free();
        let currency = if self.is_free() {
            other.currency
        } else {
            self.currency
        };
        let minor = self.minor.checked_add(other.minor)?;
        (!mixes).then_some(Self { minor, currency })
    }

    /// True when both may stand in one order.
    pub fn mixes_with(self, other: Self) -> bool {
        self.plus(other).is_none()
    }
}

/// Amounts that cannot be added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MixedCurrency;

/// As a person reads it: `€12.00`, `¥1,200`, `CHF 9.50`, `Free`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_free() {
            return f.write_str("Free");
        }
        // Only signs that mean one currency everywhere; $ alone is the US one.
        match self.currency {
            Currency::EUR => f.write_str("€")?,
            Currency::GBP => f.write_str("£")?,
            Currency::JPY => f.write_str("¥")?,
            Currency::USD => f.write_str("$")?,
            other => write!(f, "{} ", other.code())?,
        }
        let digits = usize::from(self.currency.exponent().unwrap_or(0));
        let scale = 10_i64.pow(u32::try_from(digits).unwrap_or(0));
        f.write_str(&grouped(self.minor / scale))?;
        if digits > 0 {
            write!(f, ".{:0digits$}", self.minor % scale)?;
        }
        Ok(())
    }
}

/// `1,234,567`.
fn grouped(whole: i64) -> String {
    let digits = whole.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `{"amount":1200,"currency":"EUR"}`.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut money = serializer.serialize_struct("Money", 2)?;
        money.serialize_field("amount", &self.minor)?;
        money.serialize_field("currency", self.code())?;
        money.end()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use proptest::prelude::*;

    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, code).unwrap()
    }

    #[test]
    fn prices_read_as_people_write_them() {
        for (minor, code, text) in [
            (1_200, "EUR", "€12.00"),
            (5, "EUR", "€0.05"),
            (123_456_789, "USD", "$1,234,567.89"),
            (100_000, "GBP", "£1,000.00"),
            (1_200, "JPY", "¥1,200"),
            (1_500, "KWD", "KWD 1.500"),
            (950, "CHF", "CHF 9.50"),
            (0, "EUR", "Free"),
        ] {
            assert_eq!(money(minor, code).to_string(), text);
        }
    }

    #[test]
    fn what_nobody_pays_with_is_no_price() {
        for (minor, code) in [
            (-1, "EUR"),
            (1, "eur"),
            (1, "XXX"),
            (1, "XAU"),
            (1, "ZZZ"),
            (1, ""),
        ] {
            assert_eq!(Money::new(minor, code), None, "{minor} {code}");
        }
    }

    #[test]
    fn totals_never_mix_currencies_but_free_things_go_with_all() {
        let total = |amounts: &[Money]| Money::total(amounts.iter().copied());
        assert_eq!(total(&[]), Ok(None));
        assert_eq!(
            total(&[money(1, "EUR"), money(2, "EUR")]),
            Ok(Some(money(3, "EUR")))
        );
        assert_eq!(
            total(&[money(0, "USD"), money(2, "EUR")]),
            Ok(Some(money(2, "EUR")))
        );
        assert_eq!(
            total(&[money(1, "USD"), money(2, "EUR")]),
            Err(MixedCurrency)
        );
        assert_eq!(
            total(&[money(i64::MAX, "EUR"), money(1, "EUR")]),
            Err(MixedCurrency)
        );
    }

    proptest! {
        #[test]
        fn every_price_can_be_shown_and_says_its_amount(minor in 0..i64::MAX) {
            let text = money(minor, "EUR").to_string();
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            prop_assert!(minor == 0 || digits.parse::<i64>() == Ok(minor));
        }
    }
}
