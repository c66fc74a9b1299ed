//! The spatial layout: how the position columns (x and y, a time, a frequency) are used.

use super::encode::FitEncoder;
use super::encoder::EncoderParams;
use super::fisher::LearnMixture;
use super::pyramid::{Grids, Pyramid};
use crate::data::Source;
use crate::error::{Error, Result};
use crate::mixture::GaussianMixture;
use crate::preprocess::Preprocessed;
use crate::util::context::Context;
use crate::util::learn::Learn;
use serde::{Deserialize, Serialize};

/// The spatial layout. With neither setting, position columns are columns of the descriptors like any other;
/// with either, they are the descriptors' positions, and the mixture or codebook covers the columns before
/// them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayoutParams {
    /// The location model of a spatial Fisher vector: C components over the position columns, given or to be
    /// fitted (for C = 1 it is their mean and variance).
    pub spatial: Option<LearnMixture>,
    /// The grids of a spatial pyramid.
    pub pyramid: Option<Grids>,
}

impl LayoutParams {
    /// Whether the position columns are used as positions, and not as columns like any other.
    #[must_use]
    pub fn uses_positions(&self) -> bool {
        self.spatial.is_some() || self.pyramid.is_some()
    }

    /// Checks what can be checked without descriptors, for `n` position columns.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an encoder that cannot have a location model or a pyramid, and if there are
    /// no position columns, or not as many as a pyramid's grids or a given location model cover.
    pub(crate) fn check(&self, encoder: &EncoderParams, n: usize) -> Result<()> {
        if self.spatial.is_some() && !encoder.has_location_model() {
            return Err(Error::parameter("spatial", "a Fisher vector or a bag of words", encoder.kind()));
        }
        if self.pyramid.is_some() && !encoder.has_statistics() {
            return Err(Error::parameter("pyramid", "an encoder with statistics", encoder.kind()));
        }
        let spatial = self.spatial.as_ref().map(|location| match location {
            Learn::Given(given) => ("spatial", given.dim()),
            Learn::Fit(_) => ("spatial", n.max(1)),
        });
        let pyramid = self.pyramid.as_ref().map(|grids| ("pyramid", grids.axes()));
        match spatial.into_iter().chain(pyramid).find(|(_, columns)| n != *columns) {
            Some((name, 1)) => Err(Error::parameter(name, "1 position column (position_columns)", n)),
            Some((name, k)) => {
                Err(Error::parameter(name, format!("{k} position columns (position_columns)"), n))
            }
            None => match &self.spatial {
                Some(Learn::Fit(params)) => params.check(),
                _ => Ok(()),
            },
        }
    }

    /// The location model, given or fitted to the position columns of `rows`; `None` where there is none.
    ///
    /// # Errors
    /// Those of [`GaussianMixtureParams::fit_with`](crate::mixture::GaussianMixtureParams::fit_with).
    pub(crate) fn location<S: Source>(
        &self,
        rows: Preprocessed<'_, S>,
        context: &mut Context<'_>,
    ) -> Result<Option<GaussianMixture>> {
        match &self.spatial {
            None => Ok(None),
            Some(Learn::Given(location)) => Ok(Some(location.clone())),
            Some(Learn::Fit(params)) => {
                // Only the iterations of the encoder's mixture are reported as progress, and not these.
                let fit = context.quietly(|context| params.fit_with(&rows.positions(), context));
                fit.map(|fit| Some(fit.mixture))
            }
        }
    }

    /// The pyramid over the ranges of the position columns of `rows`; `None` where there is none.
    ///
    /// # Errors
    /// Those of [`Pyramid::fit`].
    pub(crate) fn pyramid<S: Source>(&self, rows: Preprocessed<'_, S>) -> Result<Option<Pyramid>> {
        let grids = self.pyramid.clone();
        grids.map(|grids| Pyramid::fit(grids, &rows.positions())).transpose()
    }
}
