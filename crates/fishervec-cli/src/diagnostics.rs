//! What a user should know before trusting a fit.

use crate::progress::counted;
use fishervec::encode::{Codebook, Information};
use fishervec::mixture::{FitReport, doubled_centres};
use fishervec::{Encode, GaussianMixture, Pipeline};

/// Below this many descriptors per component a fit is poor; the library refuses fewer than 2.
pub(crate) const FEW_ROWS: f64 = 50.0;
/// Below this mean largest posterior the closed-form information is only a rough approximation.
pub(crate) const SOFT: f64 = 0.7;
/// Above this share of all descriptors one component is most of the mixture.
const MOST: f64 = 0.5;
/// Below this many components one of them may well hold so many.
const FEW_COMPONENTS: usize = 4;
/// Up to this many descriptors per component more of them help.
pub(crate) const ENOUGH_ROWS: f64 = 1000.0;

/// The mixture that was fitted, and how that went; `None` without such a fit.
pub(crate) fn fitted(pipeline: &Pipeline) -> Option<(&GaussianMixture, &FitReport)> {
    // A hard codebook has no fitted mixture behind it.
    let encoder = pipeline.encoder();
    let mixture = encoder.mixture().filter(|_| !encoder.codebook().is_some_and(Codebook::is_hard));
    mixture.zip(pipeline.fit_report())
}

/// The warnings about a pipeline's fit, each with what to do.
pub(crate) fn warnings(pipeline: &Pipeline) -> Vec<String> {
    let Some((mixture, report)) = fitted(pipeline) else { return of_centres(pipeline) };
    let (k, balance) = (mixture.n_components(), mixture.balance());
    let mut warnings = Vec::new();
    if !report.converged && report.steps == 0 {
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
    if !balance.dead.is_empty() {
        warnings.push(format!(
            "{} of {k} components have no descriptors, or less than a hundredth of their share: use fewer \
             components or more data",
            balance.dead.len()
        ));
    }
    if balance.largest_share > MOST && k >= FEW_COMPONENTS {
        warnings.push(format!(
            "component {} of {k} holds {:.1} % of the descriptors: leave out background, normalise descriptors \
             (--rows, --pca D --whiten), or draw as many from each set (--balance set)",
            balance.largest,
            100.0 * balance.largest_share
        ));
    }
    warnings.extend(doubled(&balance.doubled, "components"));
    if report.softness < SOFT && pipeline.encoder().information() == Information::ClosedForm {
        warnings.push(format!(
            "components overlap (mean largest posterior {:.2}; 1 = no overlap), so the closed-form scaling \
             is approximate; try --information empirical",
            report.softness
        ));
    }
    warnings
}

/// The warnings about centres without a mixture.
fn of_centres(pipeline: &Pipeline) -> Vec<String> {
    let Some(codebook) = pipeline.encoder().codebook() else { return Vec::new() };
    let centres = codebook.centres();
    // Zero but for the rounding of single precision: a centre is a mean.
    let most = 1e-6 * centres.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    let zero = centres.rows().into_iter().position(|centre| centre.iter().all(|x| x.abs() <= most));
    let zero = zero.map(|centre| {
        format!("centre {centre} is zero, as descriptors of background are: leave such descriptors out")
    });
    zero.into_iter().chain(doubled(&doubled_centres(codebook.centres()), "centres")).collect()
}

fn doubled(pairs: &[(usize, usize)], what: &str) -> Option<String> {
    let (a, b) = pairs.first()?;
    let n = counted(pairs.len(), "pair");
    Some(format!("{n} of {what} nearly the same (first {a} and {b}): use fewer components or more data"))
}
