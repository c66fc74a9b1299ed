//! The shares of the descriptors of a set with their places, in files: a table, and patches for QuPath.

use crate::subject::{Places, Subject};
use fishervec::Result;
use fishervec::explain::{Explanation, Field, Grid, Square, pitch};
use fishervec::io::Staged;
use serde_json::json;
use std::path::Path;

/// The bytes that are gathered between two writes.
const BUFFER: usize = 1 << 20;

/// A set with its shares, and where they lie in two dimensions.
pub(crate) struct Explained<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) explanation: Explanation,
    pub(crate) plane: Option<Plane>,
}

/// Shares in two dimensions.
pub(crate) struct Plane {
    /// What each descriptor describes.
    pub(crate) squares: Vec<Square>,
    /// The shares spread over what descriptors describe and, of patches, over their neighbours.
    pub(crate) field: Field,
    /// The shares smoothed that way, shape (n,).
    pub(crate) smoothed: Vec<f64>,
    /// Whether the side of patches is that of neither file nor user, but the distance to the next one.
    pub(crate) is_side_guessed: bool,
}

impl<'a> Explained<'a> {
    /// Places the shares of an explanation; `patch` is the side of a patch, if it is given.
    pub(crate) fn new(subject: &'a Subject, explanation: Explanation, patch: Option<f64>) -> Self {
        let plane = match &subject.places {
            Places::Image(image, squares) => {
                let size = [image.width() as f64, image.height() as f64];
                let field = Field::of_image(&explanation.shares, squares, size);
                let smoothed = field.gather(squares);
                Some(Plane { squares: squares.clone(), field, smoothed, is_side_guessed: false })
            }
            Places::Positions(positions, side) if positions.ncols() == 2 => {
                let corners: Vec<[f64; 2]> = positions.rows().into_iter().map(|at| [at[0], at[1]]).collect();
                Some(Plane::of_patches(&corners, &explanation.shares, patch.or(*side)))
            }
            _ => None,
        };
        Explained { subject, explanation, plane }
    }

    /// Writes the table: row, place, contribution and, in two dimensions, smoothed.
    pub(crate) fn write_table(&self, path: &Path) -> Result<Staged> {
        let mut out = Buffered { file: Staged::create(path)?, text: String::new() };
        let names: Vec<String> = match &self.subject.places {
            Places::Rows => Vec::new(),
            Places::Image(..) => ["x", "y", "side"].map(str::to_owned).to_vec(),
            Places::Positions(positions, _) => match positions.ncols() {
                1 => vec!["position".to_owned()],
                n @ (2 | 3) => ["x", "y", "z"][..n].iter().map(|name| (*name).to_owned()).collect(),
                n => (0..n).map(|i| format!("position_{i}")).collect(),
            },
        };
        let places = names.iter().map(|name| format!(",{name}")).collect::<String>();
        let smoothed = if self.plane.is_some() { ",smoothed" } else { "" };
        out.line(&format!("row{places},contribution{smoothed}"))?;
        for (row, share) in self.explanation.shares.iter().enumerate() {
            let places: String = match (&self.subject.places, &self.plane) {
                (Places::Positions(positions, _), _) => {
                    positions.row(row).iter().map(|x| format!(",{x}")).collect()
                }
                (Places::Image(..), Some(plane)) => {
                    let square = plane.squares[row];
                    format!(",{},{},{}", square.x, square.y, square.side)
                }
                _ => String::new(),
            };
            // Adding 0 turns -0 into 0.
            let smoothed = self.plane.as_ref().map(|plane| format!(",{}", plane.smoothed[row] + 0.0));
            out.line(&format!("{row}{places},{}{}", share + 0.0, smoothed.unwrap_or_default()))?;
        }
        out.finish()
    }

    /// Writes the patches as GeoJSON, in the order of the rows: detections with their shares as measurements.
    pub(crate) fn write_patches(&self, plane: &Plane, path: &Path) -> Result<Staged> {
        let mut out = Buffered { file: Staged::create(path)?, text: String::new() };
        out.line("{\"type\": \"FeatureCollection\", \"features\": [")?;
        let last = plane.squares.len().saturating_sub(1);
        for (row, (square, share)) in plane.squares.iter().zip(&self.explanation.shares).enumerate() {
            let half = square.side / 2.0;
            let corner = |x: f64, y: f64| [square.x + x * half, square.y + y * half];
            let ring = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0)];
            let feature = json!({
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": [ring.map(|(x, y)| corner(x, y))]},
                "properties": {
                    "objectType": "detection",
                    "name": format!("row {row}"),
                    "measurements": {"contribution": share + 0.0, "smoothed": plane.smoothed[row] + 0.0},
                },
            });
            out.line(&format!("{feature}{}", if row < last { "," } else { "" }))?;
        }
        out.line("]}")?;
        out.finish()
    }
}

impl Plane {
    /// Patches whose upper left corners are given, and their side, if it is known.
    fn of_patches(corners: &[[f64; 2]], shares: &[f64], patch: Option<f64>) -> Self {
        let step = pitch(corners);
        let side = patch.or(step).unwrap_or(1.0);
        let square = |[x, y]: &[f64; 2]| Square { x: x + side / 2.0, y: y + side / 2.0, side };
        let squares: Vec<Square> = corners.iter().map(square).collect();
        let grid = Grid::new(&squares, step.unwrap_or(side));
        let smoothed = grid.smoothed(shares, &squares);
        let field = grid.field(&smoothed, &squares);
        Plane { squares, field, smoothed, is_side_guessed: patch.is_none() }
    }
}

/// A file that is written in few large pieces.
struct Buffered {
    file: Staged,
    text: String,
}

impl Buffered {
    fn line(&mut self, line: &str) -> Result<()> {
        self.text.push_str(line);
        self.text.push('\n');
        if self.text.len() < BUFFER {
            return Ok(());
        }
        self.file.append(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Staged> {
        self.file.append(self.text.as_bytes())?;
        Ok(self.file)
    }
}
