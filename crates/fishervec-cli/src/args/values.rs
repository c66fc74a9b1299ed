//! Parsers of option values. Each error says what is expected; `usage.rs` adds the option and what was given.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use fishervec::encode::{Encoder, EncoderParams, Gradients, Grids};
use std::num::NonZeroUsize;
use std::str::FromStr;

/// One of the names that the library knows for a `T`.
pub(super) fn choice<T>(names: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: ToString> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>().map_err(|error| error.to_string()))
}

/// One of the kinds of encoders that the library has.
pub(super) fn encoders() -> PossibleValuesParser {
    let kinds = Encoder::KINDS.iter().zip(Encoder::ABOUT);
    PossibleValuesParser::new(kinds.map(|(kind, about)| PossibleValue::new(*kind).help(*about)))
}

/// The default of a setting that all encoders have: that of the first kind, followed by those of other kinds
/// where they differ.
pub(super) fn default_of(setting: &str) -> String {
    let default = |kind: &str| {
        let settings = EncoderParams::of_kind(kind).ok().and_then(|params| serde_json::to_value(params).ok());
        let value = settings.and_then(|mut settings| settings.get_mut(setting).map(serde_json::Value::take));
        value
            .map_or_else(String::new, |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let usual = default(Encoder::KINDS[0]);
    let mut others: Vec<(String, Vec<&str>)> = Vec::new();
    for kind in Encoder::KINDS {
        let value = default(kind);
        match others.iter_mut().find(|(other, _)| *other == value) {
            _ if value == usual => {}
            Some((_, kinds)) => kinds.push(kind),
            None => others.push((value, vec![kind])),
        }
    }
    let others = others.iter().map(|(value, kinds)| format!("; {}: {value}", kinds.join(", ")));
    format!("[default: {usual}{}]", others.collect::<String>())
}

pub(super) fn count(text: &str) -> Result<NonZeroUsize, String> {
    parsed(text, "a whole number of at least 1", |_| true)
}

pub(super) fn whole(text: &str) -> Result<usize, String> {
    parsed(text, "a whole number of at least 0", |_| true)
}

pub(super) fn seed(text: &str) -> Result<u64, String> {
    parsed(text, "a whole number from 0 to 2^64 - 1", |_| true)
}

pub(super) fn length(text: &str) -> Result<f64, String> {
    parsed(text, "a number above 0", |x: &f64| x.is_finite() && *x > 0.0)
}

pub(super) fn at_least_zero(text: &str) -> Result<f64, String> {
    parsed(text, "a number of at least 0", |x: &f64| x.is_finite() && *x >= 0.0)
}

pub(super) fn zero_to_one(text: &str) -> Result<f64, String> {
    parsed(text, "a number from 0 to 1", |x| (0.0..=1.0).contains(x))
}

pub(super) fn half_to_one(text: &str) -> Result<f64, String> {
    parsed(text, "a number above 0.5, at most 1", |x| *x > 0.5 && *x <= 1.0)
}

pub(super) fn above_zero(text: &str) -> Result<f64, String> {
    parsed(text, "a number above 0", |x: &f64| x.is_finite() && *x > 0.0)
}

pub(super) fn gradients(text: &str) -> Result<Gradients, String> {
    parsed(text, "some of w, m and v, each at most once, such as m,v", |_| true)
}

pub(super) fn grids(text: &str) -> Result<Grids, String> {
    let expected = "grids such as 1x1,2x2, each with the same number of sides, and at most 65536 cells";
    parsed(text, expected, |_| true)
}

fn parsed<T: FromStr>(text: &str, expected: &str, allowed: impl Fn(&T) -> bool) -> Result<T, String> {
    text.parse().ok().filter(allowed).ok_or_else(|| expected.to_owned())
}

/// One of several parts of a job, counted from 1, as users do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) number: usize,
    pub(crate) of: usize,
}

pub(super) fn shard(text: &str) -> Result<Shard, String> {
    let parse = |text: &str| text.parse().ok();
    let parts = text.split_once('/').and_then(|(number, of)| Some((parse(number)?, parse(of)?)));
    match parts {
        Some((number, of)) if (1..=of).contains(&number) && of <= 1 << 20 => Ok(Shard { number, of }),
        _ => Err("a part such as 3/8, from 1/N to N/N".to_owned()),
    }
}

/// The number of columns that descriptors are projected to, if they are projected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Projection(pub(crate) Option<NonZeroUsize>);

impl FromStr for Projection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Projection(None)),
            number => match number.parse() {
                Ok(columns) => Ok(Projection(Some(columns))),
                Err(_) => Err("a whole number of at least 1, or none".to_owned()),
            },
        }
    }
}
