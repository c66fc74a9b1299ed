//! The blocks of a scan.

use super::bits::{Bits, Damage, Table};
use super::frame::{Frame, Scan};

const BEYOND: Damage = "more coefficients than a block has";
const NO_TABLE: Damage = "a table of codes is missing";

/// The tables for first coefficients, and those for the others.
pub(super) type Tables = [[Option<Table>; 4]; 2];

/// Takes all blocks of a scan from `bits`, which restart after each `restart` units, if it is not 0. An error
/// comes with the row of the image.
pub(super) fn walk(
    scan: &Scan,
    frame: &mut Frame,
    tables: &Tables,
    restart: usize,
    bits: &mut Bits<'_>,
) -> Result<(), (Damage, usize)> {
    let alone = scan.parts.len() == 1;
    let [columns, rows] = if alone { frame.components[scan.parts[0].number].blocks } else { frame.units };
    let mut coder = Coder { bits, scan, progressive: frame.progressive, run: 0 };
    for unit in 0..columns * rows {
        let [column, row] = [unit % columns, unit / columns];
        let at = |damage| (damage, row * frame.height / rows);
        if restart > 0 && unit > 0 && unit % restart == 0 {
            coder.run = 0;
            coder.bits.restart(unit / restart - 1).map_err(at)?;
        }
        for part in &scan.parts {
            let tables = [0, 1].map(|i| tables[i].get(part.tables[i]).and_then(Option::as_ref));
            let component = &mut frame.components[part.number];
            let [h, v] = if alone { [1, 1] } else { component.sampling };
            for (y, x) in
                (row * v..(row + 1) * v).flat_map(|y| (column * h..(column + 1) * h).map(move |x| (y, x)))
            {
                let nonzero = component.nonzero.get_mut(y * component.stride + x);
                coder.block(tables, nonzero.unwrap_or(&mut 0)).map_err(at)?;
            }
        }
    }
    Ok(())
}

struct Coder<'a, 'b> {
    bits: &'a mut Bits<'b>,
    scan: &'a Scan,
    progressive: bool,
    /// The number of blocks to come without a further coefficient that is not zero.
    run: u32,
}

impl Coder<'_, '_> {
    fn block(&mut self, [first, others]: [Option<&Table>; 2], nonzero: &mut u64) -> Result<(), Damage> {
        let others = others.ok_or(NO_TABLE);
        match (self.progressive, self.scan.first, self.scan.refines) {
            (false, ..) => {
                self.first_coefficient(first.ok_or(NO_TABLE)?)?;
                self.sequential(others?)
            }
            (true, 0, false) => self.first_coefficient(first.ok_or(NO_TABLE)?),
            (true, 0, true) => self.bits.take(1).map(|_| ()),
            (true, _, false) => self.coefficients(others?, nonzero),
            (true, _, true) => self.refinement(others?, nonzero),
        }
    }

    fn first_coefficient(&mut self, table: &Table) -> Result<(), Damage> {
        let size = self.bits.symbol(table)?;
        self.bits.take(u32::from(size & 15)).map(|_| ())
    }

    /// The next symbol: a number of zeros, and the size of the coefficient after them.
    fn symbol(&mut self, table: &Table) -> Result<(usize, u32), Damage> {
        let symbol = self.bits.symbol(table)?;
        Ok((usize::from(symbol >> 4), u32::from(symbol & 15)))
    }

    /// All coefficients of a block but the first.
    fn sequential(&mut self, table: &Table) -> Result<(), Damage> {
        let mut k = 1;
        while k < 64 {
            let (zeros, size) = self.symbol(table)?;
            if size == 0 && zeros < 15 {
                break;
            }
            k += zeros + 1;
            self.bits.take(size)?;
        }
        if k > 64 { Err(BEYOND) } else { Ok(()) }
    }

    /// The first bits of a band of coefficients.
    fn coefficients(&mut self, table: &Table, nonzero: &mut u64) -> Result<(), Damage> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let mut k = self.scan.first;
        while k <= self.scan.last {
            let (zeros, size) = self.symbol(table)?;
            if size == 0 && zeros < 15 {
                self.run = self.more_blocks(zeros)? - 1;
                return Ok(());
            }
            k += zeros;
            if size > 0 {
                self.bits.take(size)?;
                *nonzero |= 1_u64.checked_shl(k as u32).ok_or(BEYOND)?;
            }
            k += 1;
        }
        if k > self.scan.last + 1 { Err(BEYOND) } else { Ok(()) }
    }

    /// One further bit of a band of coefficients: of each that is not zero, and of those that no longer are.
    fn refinement(&mut self, table: &Table, nonzero: &mut u64) -> Result<(), Damage> {
        let (mut k, last) = (self.scan.first, self.scan.last);
        while self.run == 0 && k <= last {
            let (mut zeros, size) = self.symbol(table)?;
            if size == 0 && zeros < 15 {
                self.run = self.more_blocks(zeros)?;
                break;
            }
            self.bits.take(size.min(1))?;
            while k <= last && (*nonzero >> k & 1 == 1 || zeros > 0) {
                match *nonzero >> k & 1 {
                    1 => self.bits.take(1).map(|_| ())?,
                    _ => zeros -= 1,
                }
                k += 1;
            }
            if size > 0 {
                if k > last {
                    return Err(BEYOND);
                }
                *nonzero |= 1 << k;
            }
            k += 1;
        }
        if self.run > 0 {
            self.run -= 1;
            for _ in (k..=last).filter(|k| *nonzero >> k & 1 == 1) {
                self.bits.take(1)?;
            }
        }
        Ok(())
    }

    /// The length of a run of blocks, this one included.
    fn more_blocks(&mut self, size: usize) -> Result<u32, Damage> {
        Ok((1 << size) + self.bits.take(size as u32)?)
    }
}
