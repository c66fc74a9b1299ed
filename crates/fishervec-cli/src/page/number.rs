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
        size if !(1e-6..1e7).contains(&size) => {
            format!("{x:.2e}").replace('-', "\u{2212}").replace('e', "\u{a0}\u{d7}\u{a0}10^")
        }
        size => fixed(x, (2 - size.log10().floor() as i32).clamp(0, 8) as usize),
    }
}

/// How numbers that belong together are written: all with as many decimals as one of them needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decimals(Option<usize>);

impl Decimals {
    /// Three digits that say something of a number; `most` is the size of the largest beside it.
    pub(crate) fn of(number: f64, most: f64) -> Self {
        let size = if number == 0.0 { most } else { number.abs() };
        // Digits of numbers that are far too large or too small say nothing.
        let is_plain = most < 1e7 && (size == 0.0 || size >= 1e-4);
        Decimals(
            is_plain
                .then(|| if size > 0.0 { (2 - size.log10().floor() as i32).clamp(0, 8) as usize } else { 2 }),
        )
    }

    /// Those of the largest of some numbers.
    pub(crate) fn of_all(numbers: impl IntoIterator<Item = f64>) -> Self {
        let most = numbers.into_iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        Decimals::of(most, most)
    }

    /// One more.
    pub(crate) fn finer(self) -> Self {
        Decimals(self.0.map(|decimals| decimals + 1))
    }

    pub(crate) fn fixed(self, x: f64) -> String {
        self.0.map_or_else(|| short(x), |decimals| fixed(x, decimals))
    }

    pub(crate) fn signed(self, x: f64) -> String {
        match self.0 {
            Some(decimals) => signed(x, decimals),
            None if x > 0.0 => format!("+{}", short(x)),
            None => short(x),
        }
    }
}

/// A share as a percentage; one that is not 0 or 1 does not look so.
pub(crate) fn percent(share: f64) -> String {
    let x = 100.0 * share;
    match x {
        0.0 => "0\u{a0}%".to_owned(),
        x if x > 0.0 && x < 0.1 => "under 0.1\u{a0}%".to_owned(),
        x if x < 10.0 || (x > 99.0 && x < 100.0) => {
            format!("{}\u{a0}%", fixed(x.min(99.9_f64.max(x.floor())), 1))
        }
        x => format!("{}\u{a0}%", fixed(x, 0)),
    }
}

/// A number of things, with commas.
pub(crate) fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
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
        assert_eq!(
            [short(1e-9), short(-2.5e9)],
            ["1.00\u{a0}\u{d7}\u{a0}10^\u{2212}9", "\u{2212}2.50\u{a0}\u{d7}\u{a0}10^9"]
        );
    }

    #[test]
    fn numbers_that_belong_together_have_the_same_decimals() {
        let all = Decimals::of(-0.2, 11.4);
        assert_eq!(
            [all.fixed(-0.204), all.fixed(10.8), all.signed(0.4)],
            ["\u{2212}0.204", "10.800", "+0.400"]
        );
        assert_eq!(Decimals::of_all([0.0, -1234.5]).signed(1.0), "+1");
        assert_eq!(Decimals::of_all([1e30]).signed(1e30), "+1.00\u{a0}\u{d7}\u{a0}10^30");
        assert_eq!([Decimals::of_all([1e-30]).fixed(0.0), Decimals::of_all([0.0]).fixed(0.0)], ["0", "0.00"]);
    }

    #[test]
    fn a_share_looks_whole_or_nothing_only_if_it_is() {
        let shares = [0.0, 0.0004, 0.0123, 0.5, 0.9996, 1.0].map(percent);
        let shares = shares.map(|text| text.replace('\u{a0}', " "));
        assert_eq!(shares, ["0 %", "under 0.1 %", "1.2 %", "50 %", "99.9 %", "100 %"]);
    }
}
