//! LZF, the fast compression of h5py.

/// What `packed` decompresses to, at most `most` bytes; `None` if it is damaged.
///
/// The data are runs of literal bytes, and copies of what was written up to 8 KiB before.
pub(super) fn decompress(packed: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = packed;
    while let [control, after @ ..] = rest {
        let control = usize::from(*control);
        if control < 32 {
            let (literal, after) = after.split_at_checked(control + 1)?;
            out.extend_from_slice(literal);
            rest = after;
        } else {
            let (length, after) = match (control >> 5, after) {
                (7, [more, after @ ..]) => (7 + usize::from(*more), after),
                (7, []) => return None,
                (length, after) => (length, after),
            };
            let [low, after @ ..] = after else { return None };
            let back = ((control & 31) << 8 | usize::from(*low)) + 1;
            let start = out.len().checked_sub(back)?;
            // The copy may overlap what it writes.
            for i in start..start + length + 2 {
                out.push(out[i]);
            }
            rest = after;
        }
        if out.len() > most {
            return None;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::decompress;

    #[test]
    fn literals_and_copies_that_overlap() {
        assert_eq!(decompress(&[2, b'a', b'b', b'c', 0x20, 1], 9).unwrap(), b"abcbcb");
        assert_eq!(decompress(&[0, b'a', 0xE0, 3, 0], 13).unwrap(), [b'a'; 13]);
        assert_eq!(decompress(&[], 9).unwrap(), b"");
    }

    #[test]
    fn damaged_data_are_refused() {
        for damaged in [&[2, b'a'][..], &[0x20, 0], &[0, b'a', 0x20, 1], &[0, b'a', 0xE0], &[0, b'a', 0x20]] {
            assert_eq!(decompress(damaged, 99), None, "{damaged:?}");
        }
        assert_eq!(decompress(&[0, b'a', 0xE0, 3, 0], 12), None, "more than a chunk");
    }
}
