//! The bits of entropy-coded data, and the Huffman codes in them.

/// What is wrong with a file.
pub(super) type Damage = &'static str;

pub(super) const ENDS: Damage = "the data end early";
const NO_CODE: Damage = "an invalid code";
pub(super) const NO_TABLE: Damage = "an invalid table of codes";
pub(super) const TOO_MUCH: Damage = "more data than the image needs";
const NO_RESTART: Damage = "a restart marker is missing";

/// The number of bits by which short codes are looked up.
const SHORT: u32 = 9;
/// Up to this many zeros pass as padding of an encoder that aligns its data.
const PADDING: usize = 16;

/// A Huffman table: canonical codes of up to 16 bits (T.81, annex C).
pub(super) struct Table {
    /// Length and symbol of the code that these bits begin with; length 0 if it is longer.
    short: Vec<(u8, u8)>,
    /// For each length, the end of its codes, as the first of 16 bits.
    ends: [u32; 17],
    /// For each length, the number of a code's symbol less the code.
    offsets: [i64; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// The table of a DHT segment: the number of codes of each length, and the symbols after them.
    pub(super) fn new(counts: &[u8], symbols: &[u8]) -> Result<Self, Damage> {
        let mut table = Table {
            short: vec![(0, 0); 1 << SHORT],
            ends: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut number) = (0_u32, 0_usize);
        for (length, &count) in (1..=16_u32).zip(counts) {
            for &symbol in symbols.get(number..).unwrap_or_default().iter().take(usize::from(count)) {
                if length <= SHORT {
                    let first = (code << (SHORT - length)) as usize;
                    let same = table.short.get_mut(first..first + (1 << (SHORT - length)));
                    same.ok_or(NO_TABLE)?.fill((length as u8, symbol));
                }
                (code, number) = (code + 1, number + 1);
            }
            table.ends[length as usize] = code << (16 - length);
            table.offsets[length as usize] = number as i64 - i64::from(code);
            code <<= 1;
        }
        let fits = number == symbols.len() && table.ends.iter().all(|end| *end <= 1 << 16);
        if fits { Ok(table) } else { Err(NO_TABLE) }
    }

    /// Length and symbol of the code that 16 bits begin with.
    fn find(&self, bits: u32) -> Option<(u32, u8)> {
        let (length, symbol) = self.short[(bits >> (16 - SHORT)) as usize];
        if length > 0 {
            return Some((u32::from(length), symbol));
        }
        let length = (SHORT + 1..=16).find(|length| bits < self.ends[*length as usize])?;
        let number = i64::from(bits >> (16 - length)) + self.offsets[length as usize];
        Some((length, *self.symbols.get(usize::try_from(number).ok()?)?))
    }
}

/// Reads entropy-coded data up to the next marker.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The last `count` bits of it were read from the file and not yet taken.
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Bits { bytes, at, buffer: 0, count: 0 }
    }

    fn fill(&mut self) {
        while self.count <= 56 {
            let byte = match self.bytes[self.at..] {
                // A byte of 255 in the data is followed by a 0, unlike that of a marker.
                [255, 0, ..] => {
                    self.at += 1;
                    255
                }
                [255, ..] | [] => return,
                [byte, ..] => byte,
            };
            self.at += 1;
            self.buffer = (self.buffer << 8) | u64::from(byte);
            self.count += 8;
        }
    }

    /// Takes `n` bits, at most 32.
    pub(super) fn take(&mut self, n: u32) -> Result<u32, Damage> {
        if self.count < n {
            self.fill();
        }
        self.count = self.count.checked_sub(n).ok_or(ENDS)?;
        Ok((self.buffer >> self.count) as u32 & ((1_u64 << n) - 1) as u32)
    }

    /// Takes the next code, and returns its symbol.
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, Damage> {
        if self.count < 16 {
            self.fill();
        }
        // The bits after the last are zeros here; a code that takes one of them is not whole.
        let bits = match self.count.checked_sub(16) {
            Some(rest) => self.buffer >> rest,
            None => self.buffer << (16 - self.count),
        };
        let wrong = if self.count < 16 { ENDS } else { NO_CODE };
        let (length, symbol) = table.find(bits as u32 & 0xffff).ok_or(wrong)?;
        self.count = self.count.checked_sub(length).ok_or(ENDS)?;
        Ok(symbol)
    }

    /// The position after the data: that of a marker, or the end of the file.
    pub(super) fn end(&self) -> Result<usize, Damage> {
        let mut at = self.at;
        for _ in 0..self.count / 8 {
            at -= if self.bytes[..at].ends_with(&[255, 0]) { 2 } else { 1 };
        }
        let zeros = self.bytes[at..].iter().take_while(|byte| **byte == 0).count();
        // The last byte is filled up with ones.
        let unused = (1 << (self.count % 8)) - 1;
        match self.bytes[at + zeros..] {
            [255, next, ..] if next != 0 && zeros <= PADDING => Ok(at + zeros),
            [] | [255] if zeros == 0 && self.buffer & unused == unused => Ok(at),
            _ => Err(TOO_MUCH),
        }
    }

    /// Goes on after the restart marker of this number, which must be next; they count from 0 to 7 and again.
    pub(super) fn restart(&mut self, number: usize) -> Result<(), Damage> {
        let at = self.end()?;
        let at = at + self.bytes[at..].iter().take_while(|byte| **byte == 255).count();
        match self.bytes.get(at) {
            None => Err(ENDS),
            Some(marker) if usize::from(*marker) == 0xd0 + number % 8 => {
                *self = Bits::new(self.bytes, at + 1);
                Ok(())
            }
            Some(0xd9) => Err(ENDS),
            Some(_) => Err(NO_RESTART),
        }
    }
}
