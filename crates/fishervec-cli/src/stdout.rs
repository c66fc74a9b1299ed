//! The standard output, which holds results and nothing else.

use std::io::{ErrorKind, Write};

/// Writes a result. A reader that stops early, as in `| head`, is not an error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::anyhow!("the standard output cannot be written: {error}"))
        }
        _ => Ok(()),
    }
}
