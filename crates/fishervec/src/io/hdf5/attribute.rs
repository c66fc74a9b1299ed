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
    fn read<T: H5Type + ToString>(bytes: &[u8], of: &Datatype) -> Option<f64> {
        // As text every number type becomes a double, at the cost of nothing for one number.
        T::from_bytes(bytes, of).ok()?.to_string().parse().ok()
    }
    let integers = [read::<i64>, read::<u64>, read::<i32>, read::<u32>, read::<i16>, read::<u16>, read::<i8>];
    let others = [read::<u8>, read::<f64>, read::<f32>];
    integers.into_iter().chain(others).find_map(|read| read(bytes, of))
}
