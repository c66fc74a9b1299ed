//! What a user should know before trusting a fit.

use fishervec::encode::{Codebook, Information};
use fishervec::mixture::FitReport;
use fishervec::{Encode, GaussianMixture, Pipeline};

/// Below this many descriptors per component a fit is poor; the library refuses fewer than 2.
const FEW_ROWS: f64 = 50.0;
/// Below this mean largest posterior the closed-form information is only a rough approximation.
const SOFT: f64 = 0.7;

/// The mixture that was fitted, and how that went; `None` without such a fit.
pub(crate) fn fitted(pipeline: &Pipeline) -> Option<(&GaussianMixture, &FitReport)> {
    // A hard codebook has no fitted mixture behind it.
    let encoder = pipeline.encoder();
    let mixture = encoder.mixture().filter(|_| !encoder.codebook().is_some_and(Codebook::is_hard));
    mixture.zip(pipeline.fit_report())
}

/// The warnings about a pipeline's fit, each with what to do.
pub(crate) fn warnings(pipeline: &Pipeline) -> Vec<String> {
    let Some((mixture, report)) = fitted(pipeline) else { return Vec::new() };
    let k = mixture.n_components();
    let mut warnings = Vec::new();
    if !report.converged {
        let n = report.n_iter();
        warnings.push(format!("not converged after {n} iterations: raise --max-iter or --tol"));
    }
    let rows = report.n / k as f64;
    if rows < FEW_ROWS {
        warnings.push(format!(
            "only {rows:.1} descriptors per component; at least {FEW_ROWS} recommended: use fewer components \
             or more data"
        ));
    }
    if !report.dead.is_empty() {
        let dead = report.dead.len();
        warnings
            .push(format!("{dead} of {k} components have no descriptors: use fewer components or more data"));
    }
    if report.softness < SOFT && pipeline.encoder().information() == Information::ClosedForm {
        warnings.push(format!(
            "components overlap (mean largest posterior {:.2}; 1 = no overlap), so the closed-form scaling \
             is approximate; try --information empirical",
            report.softness
        ));
    }
    warnings
}
