//! The components of an image, and what a scan says about them.

use super::bits::Damage;

const NO_FRAME: Damage = "an invalid frame header";
const NO_SCAN: Damage = "an invalid scan header";
/// The bit of a coefficient that no scan has sent.
const NEVER: u8 = u8::MAX;

/// One of the planes of an image.
pub(super) struct Component {
    id: u8,
    /// The blocks of a unit in which several components are interleaved: columns and rows.
    pub(super) sampling: [usize; 2],
    /// The columns and rows of blocks that cover the plane.
    pub(super) blocks: [usize; 2],
    /// The number of blocks from one row to the next, which is that of whole units.
    pub(super) stride: usize,
    /// One bit per coefficient of each block, 1 if it is not zero so far; empty if not progressive.
    pub(super) nonzero: Vec<u64>,
    /// The lowest bit of each coefficient that a scan has sent.
    sent: [u8; 64],
}

/// The frame header: SOF0 to SOF2.
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) height: usize,
    /// The columns and rows of units.
    pub(super) units: [usize; 2],
    pub(super) components: Vec<Component>,
}

impl Frame {
    pub(super) fn new(header: &[u8], progressive: bool) -> Result<Self, Damage> {
        let (head, rest) = header.split_at_checked(6).ok_or(NO_FRAME)?;
        let [height, width] = [1, 3].map(|i| usize::from(u16::from_be_bytes([head[i], head[i + 1]])));
        let parts = rest.as_chunks::<3>().0;
        let sampling = |part: &[u8; 3]| [usize::from(part[1] >> 4), usize::from(part[1] & 15)];
        let most = |i: usize| parts.iter().map(|part| sampling(part)[i]).max().unwrap_or(0);
        let most = [most(0), most(1)];
        let valid = |part| sampling(part).iter().all(|n| (1..=4).contains(n));
        if parts.len() != usize::from(head[5]) || parts.is_empty() || !parts.iter().all(valid) {
            return Err(NO_FRAME);
        }
        let units = [width.div_ceil(8 * most[0]), height.div_ceil(8 * most[1])];
        let component = |part: &[u8; 3]| {
            let sampling = sampling(part);
            let blocks = [0, 1].map(|i| ([width, height][i] * sampling[i]).div_ceil(8 * most[i]));
            let stride = units[0] * sampling[0];
            let n = if progressive { stride * units[1] * sampling[1] } else { 0 };
            Component { id: part[0], sampling, blocks, stride, nonzero: vec![0; n], sent: [NEVER; 64] }
        };
        Ok(Frame { progressive, height, units, components: parts.iter().map(component).collect() })
    }

    /// Whether all bits of all coefficients were sent.
    pub(super) fn is_whole(&self) -> bool {
        self.components.iter().all(|component| component.sent == [0; 64])
    }

    /// Notes what a scan has sent.
    pub(super) fn note(&mut self, scan: &Scan) {
        for one in &scan.parts {
            self.components[one.number].sent[scan.first..=scan.last].fill(scan.low);
        }
    }
}

/// One of the components of a scan.
pub(super) struct Part {
    pub(super) number: usize,
    /// The numbers of its tables for the first coefficient and for the others.
    pub(super) tables: [usize; 2],
}

/// A scan header: SOS.
pub(super) struct Scan {
    pub(super) parts: Vec<Part>,
    /// The first and last coefficient, in zigzag order.
    pub(super) first: usize,
    pub(super) last: usize,
    /// Whether the scan sends one further bit of coefficients that others began with.
    pub(super) refines: bool,
    /// The lowest bit that it sends.
    low: u8,
}

impl Scan {
    pub(super) fn new(header: &[u8], frame: &Frame) -> Result<Self, Damage> {
        let (count, rest) = header.split_first().ok_or(NO_SCAN)?;
        let (parts, rest) = rest.split_at_checked(2 * usize::from(*count)).ok_or(NO_SCAN)?;
        let part = |part: &[u8; 2]| {
            let number = frame.components.iter().position(|component| component.id == part[0])?;
            Some(Part { number, tables: [part[1] >> 4, part[1] & 15].map(usize::from) })
        };
        let parts: Option<Vec<Part>> = parts.as_chunks::<2>().0.iter().map(part).collect();
        let parts = parts.filter(|parts| !parts.is_empty()).ok_or(NO_SCAN)?;
        let [first, last, bits] = *rest else { return Err(NO_SCAN) };
        if !frame.progressive {
            return Ok(Scan { parts, first: 0, last: 63, refines: false, low: 0 });
        }
        let (first, last) = (usize::from(first), usize::from(last));
        // The first coefficient has scans of its own; the others are sent for one component at a time.
        let valid = first <= last && last < 64 && if first == 0 { last == 0 } else { parts.len() == 1 };
        if !valid {
            return Err(NO_SCAN);
        }
        Ok(Scan { parts, first, last, refines: bits >> 4 > 0, low: bits & 15 })
    }
}
