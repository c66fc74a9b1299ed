//! Numbers as people read them.

/// With so many decimals; a minus sign, and never one before zero.
pub(crate) fn fixed(x: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", x.abs());
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
    if x < 0.0 && !is_zero { format!("\u{2212}{text}") } else { text }
}

/// The same with its sign, unless it is zero.
pub(crate) fn signed(x: f64, decimals: usize) -> String {
    let text = fixed(x, decimals);
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
    if x > 0.0 && !is_zero { format!("+{text}") } else { text }
}

/// With about three digits that say something, and as few decimals as that takes.
pub(crate) fn short(x: f64) -> String {
    match x.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-4..1e7).contains(&size) => {
            format!("{x:.2e}").replace('-', "\u{2212}").replace('e', " \u{d7} 10^")
        }
        size => fixed(x, (2 - size.log10().floor() as i32).clamp(0, 6) as usize),
    }
}

/// A share as a percentage; one that is not 0 or 1 does not look so.
pub(crate) fn percent(share: f64) -> String {
    let x = 100.0 * share;
    match x {
        0.0 => "0 %".to_owned(),
        x if x > 0.0 && x < 0.1 => "under 0.1 %".to_owned(),
        x if x < 10.0 || (x > 99.0 && x < 100.0) => format!("{} %", fixed(x.min(99.9_f64.max(x.floor())), 1)),
        x => format!("{} %", fixed(x, 0)),
    }
}

/// A number of things, with commas.
pub(crate) fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_minus_sign_and_zero_has_none() {
        assert_eq!([fixed(-1.25, 1), fixed(-0.04, 1), fixed(2.0, 0)], ["\u{2212}1.2", "0.0", "2"]);
        assert_eq!([signed(0.356, 2), signed(-0.001, 2), signed(-3.0, 1)], ["+0.36", "0.00", "\u{2212}3.0"]);
        assert_eq!([count(0), count(999), count(1000), count(1234567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [short(0.0), short(0.0123), short(123.4), short(-9.99)],
            ["0", "0.0123", "123", "\u{2212}9.99"]
        );
        assert_eq!([short(1e-9), short(-2.5e9)], ["1.00 \u{d7} 10^\u{2212}9", "\u{2212}2.50 \u{d7} 10^9"]);
    }

    #[test]
    fn a_share_looks_whole_or_nothing_only_if_it_is() {
        let shares = [0.0, 0.0004, 0.0123, 0.5, 0.9996, 1.0].map(percent);
        assert_eq!(shares, ["0 %", "under 0.1 %", "1.2 %", "50 %", "99.9 %", "100 %"]);
    }
}
