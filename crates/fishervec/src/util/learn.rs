//! A part of a model that is given, or the settings it is fitted with.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A part of a model: given, or to be fitted with the given settings.
#[derive(Debug, Clone, PartialEq)]
pub enum Learn<T, P> {
    /// The part exists already and is used unchanged.
    Given(T),
    /// The part is fitted to the data with these settings.
    Fit(P),
}

impl<T, P: Default> Default for Learn<T, P> {
    /// A part to be fitted with the default settings.
    fn default() -> Self {
        Learn::Fit(P::default())
    }
}

/// The settings. A part that is given is numbers, not settings, and is an error.
impl<T, P: Serialize> Serialize for Learn<T, P> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Learn::Given(_) => Err(serde::ser::Error::custom("a part that is given has no settings")),
            Learn::Fit(params) => params.serialize(to),
        }
    }
}

impl<'de, T, P: Deserialize<'de>> Deserialize<'de> for Learn<T, P> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        P::deserialize(from).map(Learn::Fit)
    }
}
