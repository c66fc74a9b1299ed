//! Descriptors drawn from many images.

use super::params::ImageParams;
use super::pixels::Image;
use crate::data::{OwnedDescriptors, Source, rows_by_set, sample_rows};
use crate::error::{Error, Result};
use crate::util::threads::Threads;

/// Descriptors drawn from many images.
#[derive(Debug)]
pub struct ImageSample {
    /// The descriptors, shape (n, d).
    pub descriptors: OwnedDescriptors<f32>,
    /// The images that could not be read: the number of each, and the error.
    pub failed: Vec<(usize, Error)>,
}

impl ImageParams {
    /// Draws up to `count` of the descriptors of many images, each equally likely, and keeps their order.
    /// Image i has `counts[i]` descriptors and is opened by `open(i)`. Several images are processed at a
    /// time, and only the drawn descriptors of each are kept. With `skip`, an image that cannot be opened is
    /// left out and returned with the error.
    ///
    /// # Errors
    /// Without `skip`, that of the first such image. Cost: that of [`features`](Self::features) of the images
    /// drawn from.
    pub fn sample(
        &self,
        counts: &[usize],
        open: &(impl Fn(usize) -> Result<Image> + Sync),
        count: usize,
        seed: u64,
        skip: bool,
        threads: &Threads,
    ) -> Result<ImageSample> {
        let picked = sample_rows(counts.iter().sum(), count, seed);
        self.gather(counts, open, &picked, skip, threads)
    }

    /// The same for descriptors that were `picked`: ascending row numbers, which count through all images.
    ///
    /// # Errors
    /// Those of [`sample`](Self::sample).
    pub fn gather(
        &self,
        counts: &[usize],
        open: &(impl Fn(usize) -> Result<Image> + Sync),
        picked: &[usize],
        skip: bool,
        threads: &Threads,
    ) -> Result<ImageSample> {
        let d = self.dim();
        let mut parts: Vec<_> = rows_by_set(picked, counts.iter().copied())
            .into_iter()
            .map(|(image, rows)| (image, rows, Ok(Vec::new())))
            .collect();
        threads.for_each(parts.iter_mut().collect(), &|_, (image, rows, out)| {
            let features = open(*image).and_then(|pixels| self.features(&pixels));
            let drawn = features.and_then(|features| {
                let (features, expected) = (features.view(), counts[*image]);
                if features.n_rows() != expected {
                    return Err(Error::Dimension { what: "descriptors", expected, got: features.n_rows() });
                }
                Ok(rows.iter().flat_map(|row| features.rows().row(*row).to_vec()).collect())
            });
            match drawn {
                Err(error) if !skip => Err(error),
                drawn => {
                    *out = drawn;
                    Ok(())
                }
            }
        })?;
        let (mut values, mut failed) = (Vec::with_capacity(picked.len() * d), Vec::new());
        for (i, _, out) in parts {
            match out {
                Ok(rows) => values.extend(rows),
                Err(error) => failed.push((i, error)),
            }
        }
        Ok(ImageSample { descriptors: OwnedDescriptors::new(values, d, None)?, failed })
    }
}
