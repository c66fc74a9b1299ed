//! The picture of a slide, of which only patches are described.

use crate::explained::Explained;
use crate::page;
use crate::subject::Places;
use anyhow::bail;
use fishervec::explain::Window;
use fishervec::image::{Color, Image, ImageParams};
use std::path::Path;

/// The longest side of a picture that is read, and of one that is shown.
const READ: usize = 1 << 13;
const SHOWN: usize = 720;

/// A picture in which patches lie.
pub(crate) struct SlidePicture {
    image: Image,
    /// The units of the patches' places per pixel.
    scale: f64,
}

impl SlidePicture {
    /// Opens the picture of the slide that a set is cut from.
    ///
    /// # Errors
    /// Those of [`Image::open`]; a set without patches in two dimensions, or with patches outside of the
    /// picture.
    pub(crate) fn open(path: &Path, scale: f64, side: &Explained<'_>) -> anyhow::Result<Self> {
        let (Some(plane), Places::Positions(..)) = (&side.plane, &side.subject.places) else {
            bail!("--image: expected patches with coords in two dimensions, got none");
        };
        let (width, height) = Image::size(path)?;
        if width.max(height) > READ {
            bail!("{}: expected at most {READ} pixels a side, got {width} x {height}", path.display());
        }
        let params = ImageParams { color: Color::Rgb, max_side: READ, ..ImageParams::default() };
        let picture = SlidePicture { image: Image::open(path, &params)?, scale };
        let [width, height] = picture.size().map(|side| scale * side);
        let inside = |x: f64, y: f64| (0.0..=width).contains(&x) && (0.0..=height).contains(&y);
        match plane.squares.iter().find(|square| !inside(square.x, square.y)) {
            None => Ok(picture),
            Some(square) => bail!(
                "{}: the patch at {}, {} lies outside of this picture of {} x {} pixels: --image-scale N says how many \
                 units of coords a pixel is, now {scale}",
                path.display(),
                square.x - square.side / 2.0,
                square.y - square.side / 2.0,
                picture.image.width(),
                picture.image.height()
            ),
        }
    }

    fn size(&self) -> [f64; 2] {
        [self.image.width() as f64, self.image.height() as f64]
    }

    /// What lies in a window, as an image of its own.
    pub(crate) fn part(&self, window: &Window) -> Image {
        let Window { x, y, width, height, holds } = *window;
        let [x, y, width, height] = [x, y, width, height].map(|length| length / self.scale);
        page::part(&self.image, &Window { x, y, width, height, holds })
    }

    /// The same, small enough for a page.
    pub(crate) fn shown(&self, window: &Window) -> fishervec::Result<Image> {
        page::reduced(self.part(window), SHOWN)
    }
}
