//! Number types, as a datatype message describes them.

use crate::io::rows::Stored;

/// The type of the items of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    /// Its name, as NumPy's where NumPy has one.
    pub(super) text: String,
    /// How its numbers are stored, if they can be descriptors.
    pub(super) stored: Option<Stored>,
    /// The number of bytes of an item.
    pub(super) size: usize,
    pub(super) big_endian: bool,
    pub(super) class: Class,
}

/// What is read of types that are not floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Integer {
        signed: bool,
    },
    /// Strings of a fixed number of bytes.
    Text,
    /// Strings of any length, which lie in a heap.
    AnyText,
    Other,
}

/// Where a float has its parts: (bits, exponent at, bits of the exponent, bits of the mantissa, bias).
const FLOATS: [(&str, Stored, [u32; 5]); 4] = [
    ("float16", Stored::F16, [16, 10, 5, 10, 15]),
    ("bfloat16", Stored::Bf16, [16, 7, 8, 7, 127]),
    ("float32", Stored::F32, [32, 23, 8, 23, 127]),
    ("float64", Stored::F64, [64, 52, 11, 52, 1023]),
];

impl Number {
    /// The type that a datatype message describes; `None` if the message is too short.
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let (head, rest) = message.split_first_chunk::<8>()?;
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let big_endian = head[1] & 1 != 0;
        let other = |text: &str| Number {
            text: text.to_owned(),
            stored: None,
            size,
            big_endian,
            class: Class::Other,
        };
        Some(match head[0] & 15 {
            0 => Number::integer(head, rest, other("an integer of an odd layout"))?,
            1 => Number::float(head, rest, other("a float of an odd layout"))?,
            3 => Number { class: Class::Text, ..other("strings") },
            6 => other("compound"),
            7 => other("references"),
            8 => Number::enumerated(rest, other("enum"))?,
            9 if head[1] & 15 == 1 => Number { class: Class::AnyText, ..other("strings of any length") },
            9 => other("lists of any length"),
            10 => other("arrays"),
            _ => other("opaque"),
        })
    }

    /// How its numbers are stored, if they can be positions.
    pub(super) fn position(&self) -> Option<Stored> {
        match self.class {
            Class::Integer { signed } if self.stored.is_none() => {
                Some(Stored::Integer { size: u8::try_from(self.size).ok()?, signed })
            }
            _ => self.stored,
        }
    }

    fn integer(head: &[u8; 8], rest: &[u8], odd: Number) -> Option<Self> {
        let &[offset_low, offset_high, bits_low, bits_high, ..] = rest else { return None };
        let (offset, bits) = ([offset_low, offset_high], u16::from_le_bytes([bits_low, bits_high]));
        if offset != [0, 0] || ![1, 2, 4, 8].contains(&odd.size) || usize::from(bits) != odd.size * 8 {
            return Some(odd);
        }
        let signed = head[1] & 8 != 0;
        let text = format!("{}int{bits}", if signed { "" } else { "u" });
        let stored = (!signed && bits == 8).then_some(Stored::U8);
        Some(Number { text, stored, class: Class::Integer { signed }, ..odd })
    }

    /// Names of integers, as h5py writes booleans; `rest` begins with the type of these.
    fn enumerated(rest: &[u8], odd: Number) -> Option<Self> {
        let (head, rest) = rest.split_first_chunk::<8>()?;
        if head[0] & 15 != 0 {
            return Some(odd);
        }
        let Number { class, .. } = Number::integer(head, rest, odd.clone())?;
        Some(Number { class, big_endian: head[1] & 1 != 0, ..odd })
    }

    fn float(head: &[u8; 8], rest: &[u8], odd: Number) -> Option<Self> {
        let part: [u8; 12] = rest.first_chunk::<12>().copied()?;
        let [offset, bits] = [0, 2].map(|i| u32::from(u16::from_le_bytes([part[i], part[i + 1]])));
        let bias = u32::from_le_bytes([part[8], part[9], part[10], part[11]]);
        let [exponent_at, exponent, mantissa_at, mantissa] = [4, 5, 6, 7].map(|i| u32::from(part[i]));
        // Byte 1 says in bits 4 and 5 that the first bit of the mantissa is implied, and in bits 0 and 6 what
        // the order of the bytes is; byte 2 says where the sign is.
        let plain = head[1] & 0x30 == 0x20 && head[1] & 0x40 == 0 && u32::from(head[2]) + 1 == bits;
        let parts = [bits, exponent_at, exponent, mantissa, bias];
        let known = FLOATS.iter().find(|(_, stored, known)| *known == parts && stored.size() == odd.size);
        Some(match known {
            Some((text, stored, _)) if plain && offset == 0 && mantissa_at == 0 => {
                Number { text: (*text).to_owned(), stored: Some(*stored), ..odd }
            }
            _ => odd,
        })
    }
}
