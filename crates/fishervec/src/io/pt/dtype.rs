//! The number types of tensors.

use crate::io::rows::Stored;

/// A number type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dtype {
    /// Its name in `torch`.
    pub(super) name: &'static str,
    /// The name of the class of its storages, if it has one of its own.
    storage: &'static str,
    /// The number of bytes of a number.
    pub(super) size: usize,
    /// How its numbers are read, if they can be.
    pub(super) stored: Option<Stored>,
}

impl Dtype {
    /// The type of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|dtype| dtype.name == name)
    }

    /// The type of the numbers in storages of that class.
    pub(super) fn of_storage(class: &str) -> Option<&'static Self> {
        ALL.iter().find(|dtype| !class.is_empty() && dtype.storage == class)
    }

    /// How its numbers are read as positions, which may be integers.
    pub(super) fn number(&self) -> Option<Stored> {
        let signed = self.is_signed().filter(|_| self.name != "bool");
        let integer = |signed| Stored::Integer { size: self.size as u8, signed };
        self.stored.or_else(|| signed.map(integer))
    }

    /// Whether its integers are signed; `None` for numbers that are not integers or booleans.
    pub(super) fn is_signed(&self) -> Option<bool> {
        match self.name {
            "bool" | "uint8" | "uint16" | "uint32" | "uint64" => Some(false),
            "int8" | "int16" | "int32" | "int64" => Some(true),
            _ => None,
        }
    }
}

const fn dtype(name: &'static str, storage: &'static str, size: usize, stored: Option<Stored>) -> Dtype {
    Dtype { name, storage, size, stored }
}

static ALL: [Dtype; 22] = [
    dtype("float32", "FloatStorage", 4, Some(Stored::F32)),
    dtype("float64", "DoubleStorage", 8, Some(Stored::F64)),
    dtype("float16", "HalfStorage", 2, Some(Stored::F16)),
    dtype("bfloat16", "BFloat16Storage", 2, Some(Stored::Bf16)),
    dtype("uint8", "ByteStorage", 1, Some(Stored::U8)),
    dtype("int64", "LongStorage", 8, None),
    dtype("int32", "IntStorage", 4, None),
    dtype("int16", "ShortStorage", 2, None),
    dtype("int8", "CharStorage", 1, None),
    dtype("bool", "BoolStorage", 1, None),
    dtype("complex128", "ComplexDoubleStorage", 16, None),
    dtype("complex64", "ComplexFloatStorage", 8, None),
    dtype("complex32", "", 4, None),
    dtype("uint16", "", 2, None),
    dtype("uint32", "", 4, None),
    dtype("uint64", "", 8, None),
    dtype("float8_e4m3fn", "", 1, None),
    dtype("float8_e4m3fnuz", "", 1, None),
    dtype("float8_e5m2", "", 1, None),
    dtype("float8_e5m2fnuz", "", 1, None),
    dtype("float8_e8m0fnu", "", 1, None),
    dtype("float4_e2m1fn_x2", "", 1, None),
];
