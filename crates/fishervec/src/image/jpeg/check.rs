//! From marker to marker through a file.

use super::bits::{Bits, Damage, ENDS, NO_TABLE, TOO_MUCH, Table};
use super::frame::{Frame, Scan};
use super::scan::{Tables, walk};
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

const NO_FRAME: Damage = "a scan before the frame header";
const TWO_FRAMES: Damage = "two frame headers";

pub(in crate::image) const END_MARKER: [u8; 2] = [255, 0xd9];

/// The end of the last scan of a file, which must hold all data of its image. What follows does not matter,
/// not even the end marker, which the decoder may need. The decoder must have read the headers before the
/// first scan.
pub(in crate::image) fn end_of_data(bytes: &[u8]) -> Result<usize, String> {
    File::new(bytes).end()
}

struct File<'a> {
    bytes: &'a [u8],
    at: usize,
    tables: Tables,
    restart: usize,
    frame: Option<Frame>,
    scans: usize,
    /// The end of the last scan.
    end: usize,
}

impl<'a> File<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        File { bytes, at: 2, tables: Tables::default(), restart: 0, frame: None, scans: 0, end: 0 }
    }

    fn end(mut self) -> Result<usize, String> {
        while let Some(marker) = self.marker()?.filter(|marker| *marker != 0xd9) {
            // A restart marker and a second start marker stand alone.
            if !(0xd0..=0xd8).contains(&marker) {
                let Some(segment) = self.segment() else { break };
                self.read(marker, segment)?;
            }
        }
        match self.frame.is_some_and(|frame| frame.is_whole()) {
            true => Ok(self.end),
            false => Err(format!("{ENDS}, after scan {}", self.scans)),
        }
    }

    /// Goes on to the next marker, and over it. The decoder allows other bytes before the first scan.
    fn marker(&mut self) -> Result<Option<u8>, Damage> {
        let is_marker = |pair: &[u8]| pair[0] == 255 && !matches!(pair[1], 0 | 255);
        let rest = &self.bytes[self.at..];
        let found = rest.windows(2).position(is_marker);
        let between = &rest[..found.unwrap_or(rest.len())];
        if self.scans > 0 && between.iter().any(|byte| *byte != 255) {
            return Err(TOO_MUCH);
        }
        self.at += between.len() + 2 * usize::from(found.is_some());
        Ok(found.map(|_| self.bytes[self.at - 1]))
    }

    /// Takes what belongs to the last marker.
    fn segment(&mut self) -> Option<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
        let segment = rest.get(2..length)?;
        self.at += length;
        Some(segment)
    }

    fn read(&mut self, marker: u8, segment: &[u8]) -> Result<(), String> {
        match marker {
            0xc0..=0xc2 if self.frame.is_some() => return Err(TWO_FRAMES.to_owned()),
            0xc0..=0xc2 => self.frame = Some(Frame::new(segment, marker == 0xc2)?),
            0xc4 => self.codes(segment)?,
            0xdd => self.restart = segment.first_chunk().map_or(0, |n| usize::from(u16::from_be_bytes(*n))),
            0xda => self.scan(segment)?,
            _ => {}
        }
        Ok(())
    }

    /// The tables of a DHT segment.
    fn codes(&mut self, mut segment: &[u8]) -> Result<(), Damage> {
        while let Some((name, rest)) = segment.split_first() {
            let (counts, rest) = rest.split_at_checked(16).ok_or(NO_TABLE)?;
            let n = counts.iter().map(|n| usize::from(*n)).sum();
            let (symbols, rest) = rest.split_at_checked(n).ok_or(NO_TABLE)?;
            let tables = self.tables.get_mut(usize::from(name >> 4)).ok_or(NO_TABLE)?;
            let table = tables.get_mut(usize::from(name & 15)).ok_or(NO_TABLE)?;
            *table = Some(Table::new(counts, symbols)?);
            segment = rest;
        }
        Ok(())
    }

    fn scan(&mut self, header: &[u8]) -> Result<(), String> {
        self.scans += 1;
        self.add_standard_tables()?;
        let frame = self.frame.as_mut().ok_or(NO_FRAME)?;
        let scan = Scan::new(header, frame)?;
        let mut bits = Bits::new(self.bytes, self.at);
        let (height, n) = (frame.height, self.scans);
        let walked = walk(&scan, frame, &self.tables, self.restart, &mut bits);
        walked.map_err(|(damage, row)| format!("{damage}, at row {row} of {height} in scan {n}"))?;
        self.end = bits.end().map_err(|damage| format!("{damage}, after scan {n}"))?;
        self.at = self.end;
        frame.note(&scan);
        Ok(())
    }

    /// Frames of a film have no tables: they use the standard's (T.81, annex K), which our encoder writes.
    fn add_standard_tables(&mut self) -> Result<(), String> {
        if self.tables.iter().flatten().any(Option::is_some) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let encoded = JpegEncoder::new(&mut bytes).encode(&[0; 3], 1, 1, ExtendedColorType::Rgb8);
        encoded.map_err(|error| error.to_string())?;
        let mut file = File::new(&bytes);
        while let Some(marker) = file.marker()?.filter(|marker| *marker != 0xda) {
            let Some(segment) = file.segment() else { break };
            file.read(marker, segment)?;
        }
        self.tables = file.tables;
        Ok(())
    }
}
