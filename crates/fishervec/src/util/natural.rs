//! The natural order of names: `img2` before `img10`.

use std::cmp::Ordering;

/// Compares two names so that runs of digits count as numbers: `img2` comes before `img10`. All else is in
/// the order of its bytes, also names that differ only in leading zeros, such as `img1` and `img01`.
///
/// Cost O(length).
#[must_use]
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let ([first, left_rest @ ..], [second, right_rest @ ..]) = (left, right) {
        let order = if first.is_ascii_digit() && second.is_ascii_digit() {
            let (number, after) = number(left);
            let (other, other_after) = self::number(right);
            (left, right) = (after, other_after);
            // Without leading zeros the longer number is the larger one.
            number.len().cmp(&other.len()).then_with(|| number.cmp(other))
        } else {
            (left, right) = (left_rest, right_rest);
            first.cmp(second)
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// The digits at the start of `text` without leading zeros, and what follows them.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits.iter().take_while(|c| **c == b'0').count();
    (&digits[zeros..], rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_count_as_numbers() {
        let sorted = [
            "",
            "0",
            "00",
            "a",
            "a/2",
            "a/10",
            "a0b",
            "a01",
            "a1",
            "a1b",
            "a2",
            "a10",
            "a18446744073709551616",
            "b",
            "ä",
        ];
        let mut names: Vec<_> = sorted.iter().rev().copied().collect();
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, sorted);
    }

    proptest! {
        #[test]
        fn it_is_a_total_order(a in "[a01/]{0,6}", b in "[a01/]{0,6}", c in "[a01/]{0,6}") {
            prop_assert_eq!(natural_order(&a, &b), natural_order(&b, &a).reverse());
            prop_assert_eq!(natural_order(&a, &b).is_eq(), a == b);
            if natural_order(&a, &b).is_le() && natural_order(&b, &c).is_le() {
                prop_assert!(natural_order(&a, &c).is_le(), "{:?} {:?} {:?}", a, b, c);
            }
        }
    }
}
