//! Arbitrary-precision comparison of decimal numbers.
//!
//! Numbers compared as they are spelled: as exact decimals, whatever their size and precision, so that 20, 20.0 and 2e1 are one
//! number and 0.1 is not a little more. Exponents beyond what 64 bits hold count as the largest that there is.

use std::cmp::Ordering;

/// Whether a text is a number of JSON.
pub(crate) fn is_number(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    match rest.strip_prefix(['e', 'E']) {
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        None => rest.is_empty(),
    }
}

/// Compares two numbers of JSON.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (Decimal::read(left), Decimal::read(right));
    let magnitude = left.compare_magnitude(&right);
    match (left.sign(), right.sign()) {
        (a, b) if a != b => a.cmp(&b),
        (-1, _) => magnitude.reverse(),
        _ => magnitude,
    }
}

/// A number as 0.d₁d₂d₃… times a power of ten, d₁ not being 0.
struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    /// How many zeros stand before the first other digit; all digits, for zero.
    leading: usize,
    power: i64,
}

impl<'a> Decimal<'a> {
    fn read(text: &'a str) -> Self {
        let negative = text.starts_with('-');
        let text = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (whole, fraction) = (whole.as_bytes(), fraction.as_bytes());
        let leading = whole.iter().chain(fraction).take_while(|digit| **digit == b'0').count();
        let shift = whole.len() as i64 - leading as i64;
        Self { negative, whole, fraction, leading, power: read_exponent(exponent).saturating_add(shift) }
    }

    fn is_zero(&self) -> bool {
        self.leading == self.whole.len() + self.fraction.len()
    }

    fn sign(&self) -> i8 {
        match (self.is_zero(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.whole.iter().chain(self.fraction).skip(self.leading).copied()
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        self.power.cmp(&other.power).then_with(|| {
            let (mut left, mut right) = (self.digits(), other.digits());
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return Ordering::Equal,
                    (a, b) => match a.unwrap_or(b'0').cmp(&b.unwrap_or(b'0')) {
                        Ordering::Equal => {}
                        unequal => return unequal,
                    },
                }
            }
        })
    }
}

fn read_exponent(text: &str) -> i64 {
    let digits = text.trim_start_matches(['+', '-']);
    let size = digits
        .bytes()
        .fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0').min(9))));
    if text.starts_with('-') { -size } else { size }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::{prop_assert_eq, proptest};

    use super::{compare, is_number};

    #[test]
    fn one_number_has_many_spellings() {
        for same in [["20", "20.0"], ["20", "2e1"], ["0", "-0.00e9"], ["0.1", "1E-1"], ["1e400", "10e399"]] {
            assert_eq!(compare(same[0], same[1]), Ordering::Equal, "{same:?}");
        }
    }

    #[test]
    fn numbers_of_any_size_have_an_order() {
        let long = format!("1{}", "0".repeat(5_000));
        let ordered = [
            "-1e99999999999999999999999",
            "-1e400",
            "-2",
            "-1.5",
            "-1e-400",
            "0",
            "1e-99999999999999999999999",
            "0.1",
            "0.10000000000000000000000000000001",
            "9007199254740992",
            "9007199254740993",
            "1e400",
            &long,
        ];
        for (step, less) in ordered.iter().enumerate() {
            for more in &ordered[step + 1..] {
                assert_eq!(compare(less, more), Ordering::Less, "{less} {more}");
                assert_eq!(compare(more, less), Ordering::Greater, "{less} {more}");
            }
        }
    }

    #[test]
    fn only_numbers_of_json_are_numbers() {
        for text in ["0", "-0", "10", "1.50", "1e5", "1E+05", "-0.1e-9"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "1e", "+1", "1_000", "0x1", "2023-06-15", "1.2.3", "NaN", "١"] {
            assert!(!is_number(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_compare_as_they_do_elsewhere(left: i64, right: i64) {
            prop_assert_eq!(compare(&left.to_string(), &right.to_string()), left.cmp(&right));
        }

        #[test]
        fn what_json_takes_for_a_number_is_one(text in "[-+0-9.eE]{0,8}") {
            prop_assert_eq!(is_number(&text), serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
        }

        #[test]
        fn floats_compare_as_they_do_elsewhere(left: f64, right: f64) {
            let finite = left.is_finite() && right.is_finite();
            let (a, b) = if finite { (left, right) } else { (0.5, -0.5) };
            prop_assert_eq!(Some(compare(&format!("{a:e}"), &format!("{b}"))), a.partial_cmp(&b));
        }
    }
}
