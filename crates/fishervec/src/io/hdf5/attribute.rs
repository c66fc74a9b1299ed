//! Numbers in attributes, which say something about an array.

use super::header::Header;
use super::storage::Storing;
use hdf5_reader::io::Cursor;
use hdf5_reader::messages::{self, MSG_ATTRIBUTE};
use hdf5_reader::{Datatype, H5Type};

/// The number, above 0, in the attribute of that name; `None` where there is none. Nothing depends on an
/// attribute, so one that cannot be read is as none; so are more than eight in files of the newest layout.
pub(super) fn number_in(header: &Header, name: &str, file: &Storing) -> Option<f64> {
    let is_named = |bytes: &[u8]| bytes.windows(name.len()).any(|part| part == name.as_bytes());
    let found = header.0.iter().filter(|message| message.kind == MSG_ATTRIBUTE && is_named(&message.bytes));
    let number = found.filter_map(|message| {
        let (bytes, offset, length) = (&message.bytes, file.offset_size, file.length_size);
        let parsed = messages::attribute::parse(&mut Cursor::new(bytes), offset, length, bytes.len()).ok()?;
        (parsed.name == name).then(|| number(&parsed.raw_data, &parsed.datatype))?
    });
    number.into_iter().find(|number| number.is_finite() && *number > 0.0)
}

fn number(bytes: &[u8], of: &Datatype) -> Option<f64> {
    fn read<T: H5Type>(bytes: &[u8], of: &Datatype, real: impl Fn(T) -> f64) -> Option<f64> {
        T::from_bytes(bytes, of).ok().map(real)
    }
    read(bytes, of, |x: i64| x as f64)
        .or_else(|| read(bytes, of, |x: u64| x as f64))
        .or_else(|| read(bytes, of, f64::from as fn(i32) -> f64))
        .or_else(|| read(bytes, of, f64::from as fn(u32) -> f64))
        .or_else(|| read(bytes, of, f64::from as fn(f32) -> f64))
        .or_else(|| read(bytes, of, |x: f64| x))
}
