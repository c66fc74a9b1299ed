//! Settings as JSON.

use crate::error::{Error, Result};
use serde::de::{DeserializeOwned, Error as _};
use serde_json::Value;

/// Reads the settings in a JSON text: an object of objects and single values.
///
/// # Errors
/// [`Error::Settings`] for any other text, an unknown name or a value of another type.
pub(crate) fn from_text<T: DeserializeOwned>(text: &str) -> Result<T> {
    from_value(serde_json::from_str(text).map_err(|error| Error::settings(&error))?)
}

/// Reads the settings in a JSON value.
///
/// # Errors
/// As [`from_text`].
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T> {
    // Serde would read a list as the fields of a struct in their order.
    if has_list(&value) {
        return Err(Error::settings(&serde_json::Error::custom("invalid type: list, expected an object")));
    }
    serde_json::from_value(value).map_err(|error| Error::settings(&error))
}

fn has_list(value: &Value) -> bool {
    match value {
        Value::Array(_) => true,
        Value::Object(fields) => fields.values().any(has_list),
        _ => false,
    }
}
