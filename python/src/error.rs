//! The library's errors as Python exceptions: an invalid value raises `ValueError`, a failing file `OSError`.

use fishervec::{Error, Result};
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyValueError};
use pyo3::prelude::*;

/// Turns a result of the library into a result of Python.
pub(crate) trait OrRaise<T> {
    fn or_raise(self) -> PyResult<T>;
}

impl<T> OrRaise<T> for Result<T> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(|error| match error.cause() {
            Error::Io { path, source } => match source.raw_os_error() {
                // With the number, Python raises FileNotFoundError, PermissionError and so on.
                Some(number) => {
                    let text = source.to_string();
                    let reason = text.split(" (os error").next().unwrap_or_default().to_owned();
                    PyOSError::new_err((number, reason, path.display().to_string()))
                }
                None => PyOSError::new_err(error.to_string()),
            },
            Error::Interrupted => PyKeyboardInterrupt::new_err(()),
            _ => PyValueError::new_err(error.to_string()),
        })
    }
}
