//! What is made of the carried columns, which say where a descriptor is: x and y, a time, a frequency.

use super::encoder::Encoder;
use super::pyramid::{Grids, Pyramid};
use crate::data::Source;
use crate::error::{Error, Result};
use crate::mixture::{GaussianMixture, GaussianMixtureParams};
use crate::pipeline::Pipeline;
use crate::preprocess::{Preprocessed, Step};
use crate::util::threads::Threads;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A location model that is there already, or the settings of one that is not.
#[allow(clippy::large_enum_variant, reason = "there is one per fit")]
#[derive(Debug, Clone, PartialEq)]
pub enum Location {
    /// C components over the carried columns.
    Given(Arc<GaussianMixture>),
    /// C components to be fitted; for C = 1 that is their mean and variance.
    Fitted(GaussianMixtureParams),
}

/// What is made of the carried columns. With neither choice they are columns of the descriptors like any other; with one they say
/// where a descriptor is, and the mixture or codebook is of the columns before them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LayoutParams {
    /// The location model of a spatial Fisher vector.
    pub spatial: Option<Location>,
    /// The grids of a spatial pyramid.
    pub pyramid: Option<Grids>,
}

impl LayoutParams {
    /// The rows that an encoder is fitted to, out of preprocessed ones.
    ///
    /// # Errors
    /// [`Error::Parameter`] where no columns are carried, or others than a pyramid's grids or a given location model are over.
    pub fn rows<'a, S: Source>(&self, rows: Preprocessed<'a, S>) -> Result<Preprocessed<'a, S>> {
        if self.spatial.is_none() && self.pyramid.is_none() {
            return Ok(rows);
        }
        let n = rows.n_carried();
        let spatial = self.spatial.as_ref().map(|location| match location {
            Location::Given(given) => ("spatial", given.dim()),
            Location::Fitted(_) => ("spatial", n.max(1)),
        });
        let pyramid = self.pyramid.as_ref().map(|grids| ("pyramid", grids.axes()));
        for (name, columns) in spatial.into_iter().chain(pyramid) {
            if n != columns {
                return Err(Error::parameter(name, format!("{columns} carried columns (carry)"), n));
            }
        }
        Ok(rows.without_carried())
    }

    /// The pipeline of `steps` and an `encoder` of such rows, with what is fitted to the carried columns of `source`.
    ///
    /// # Errors
    /// As [`rows`](Self::rows); [`Error::Parameter`] for an encoder without a location model or without statistics; those of
    /// [`GaussianMixtureParams::fit`] and [`Pyramid::fit`]. Cost: theirs.
    pub fn finish<S: Source>(
        &self,
        source: &S,
        steps: Vec<Step>,
        mut encoder: Encoder,
        threads: &Threads,
    ) -> Result<Pipeline> {
        self.rows(Preprocessed::new(source, &steps)?)?;
        if let Some(location) = &self.spatial {
            let location = match location {
                Location::Given(location) => location.clone(),
                Location::Fitted(params) => {
                    let places = Preprocessed::new(source, &steps)?.carried();
                    Arc::new(params.fit(&places, threads, &mut |_| ControlFlow::Continue(()))?.mixture)
                }
            };
            encoder = encoder.with_spatial(location)?;
        }
        let pyramid = match &self.pyramid {
            None => None,
            Some(grids) => Some(Pyramid::fit(grids.clone(), &Preprocessed::new(source, &steps)?.carried())?),
        };
        Pipeline::with_cells(source.dim(), steps, pyramid, encoder)
    }
}
