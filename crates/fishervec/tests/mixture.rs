//! Fitting: against scikit-learn and Spark, monotone, safe on degenerate data.

mod common;

use common::*;
use fishervec::mixture::{Fit, GaussianMixtureParams, Init, KMeans};
use fishervec::preprocess::PcaParams;
use fishervec::run::{Progress, Threads};
use fishervec::{Context, Descriptors, Error, GaussianMixture, Result, Source};
use ndarray::{Array1, Array2, array, s};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn golden(name: &str) -> Value {
    let path = format!("{}/testdata/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn vector(value: &Value) -> Array1<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Array1<f64>> = value.as_array().unwrap().iter().map(vector).collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn parameters(value: &Value) -> GaussianMixture {
    let covariances = matrix(&value["covariances"]);
    GaussianMixture::new(vector(&value["weights"]), matrix(&value["means"]), covariances).unwrap()
}

fn fit<S: Source>(params: &GaussianMixtureParams, rows: &S) -> Result<Fit> {
    params.fit_with(rows, &mut Context::on(&Threads::one()))
}

/// A fit from a given start that runs all its iterations.
fn from_start(start: GaussianMixture, max_iter: usize, reg_covar: f64) -> GaussianMixtureParams {
    let n_components = start.n_components();
    let init = Init::Given(start);
    GaussianMixtureParams {
        n_components,
        max_iter,
        reg_covar,
        init,
        tol: 0.0,
        variance_floor: 0.0,
        ..GaussianMixtureParams::default()
    }
}

#[test]
fn fits_equal_scikit_learns_from_the_same_start() {
    for case in golden("mixture")["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        // Far from the origin scikit-learn itself loses digits to E[x^2] - mu^2.
        let tolerance = if name == "far from the origin" { 1e-6 } else { 1e-9 };
        let rows = matrix(&case["data"]);
        for golden in case["fits"].as_array().unwrap() {
            let max_iter = golden["max_iter"].as_u64().unwrap() as usize;
            let params =
                from_start(parameters(&case["start"]), max_iter, golden["reg_covar"].as_f64().unwrap());
            let fit = fit(&params, &rows).unwrap();
            let mixture = &fit.mixture;
            let close = |what: &str, got: &mut dyn Iterator<Item = f64>, expected: &Value| {
                let expected: Vec<f64> = match expected {
                    Value::Array(rows) if rows.first().is_some_and(Value::is_array) => {
                        matrix(expected).iter().copied().collect()
                    }
                    Value::Array(_) => vector(expected).to_vec(),
                    number => vec![number.as_f64().unwrap()],
                };
                assert_close(
                    &format!("{name} after {max_iter}: {what}"),
                    &got.collect::<Vec<_>>(),
                    &expected,
                    tolerance,
                );
            };
            close("weights", &mut mixture.weights().iter().copied(), &golden["weights"]);
            close("means", &mut mixture.means().iter().copied(), &golden["means"]);
            close("covariances", &mut mixture.covariances().iter().copied(), &golden["covariances"]);
            close("lower bounds", &mut fit.report.lower_bounds.iter().copied(), &golden["lower_bounds"]);
            let one = Threads::one();
            let scores = mixture.score_samples(&rows, &one).unwrap();
            let expected = &golden["score_samples"];
            close("scores", &mut scores.iter().copied().take(vector(expected).len()), expected);
            let posteriors = mixture.predict_proba(&rows, &one).unwrap();
            let expected = &golden["predict_proba"];
            close(
                "posteriors",
                &mut posteriors.slice(s![..matrix(expected).nrows(), ..]).iter().copied(),
                expected,
            );
            close("bic", &mut [mixture.bic(&rows, &one).unwrap()].into_iter(), &golden["bic"]);
            close("aic", &mut [mixture.aic(&rows, &one).unwrap()].into_iter(), &golden["aic"]);
        }
    }
}

#[test]
fn sparks_fifteen_points() {
    let golden = golden("spark");
    let data = matrix(&golden["data"]);
    let expected = parameters(&golden["expected"]);
    let tolerance = golden["expected"]["tolerance"].as_f64().unwrap();
    for params in [
        from_start(parameters(&golden["start"]), 100, 0.0),
        GaussianMixtureParams { n_components: 2, tol: 1e-9, variance_floor: 0.0, ..Default::default() },
    ] {
        let mixture = fit(&params, &data).unwrap().mixture;
        let order =
            |mixture: &GaussianMixture| usize::from(mixture.means()[[0, 0]] > mixture.means()[[1, 0]]);
        for k in 0..2 {
            let (i, j) = (k ^ order(&mixture), k ^ order(&expected));
            for (got, expected) in [
                (mixture.weights()[i], expected.weights()[j]),
                (mixture.means()[[i, 0]], expected.means()[[j, 0]]),
                (mixture.covariances()[[i, 0]], expected.covariances()[[j, 0]]),
            ] {
                assert!((got - expected).abs() < tolerance, "{got} for {expected}");
            }
        }
    }
}

#[test]
fn the_likelihood_never_falls() {
    let truth = mixture(8, 6, 20);
    let x = rows(&truth, 3000, 21);
    for seed in 0..4 {
        for (threshold, slack) in [(Some(0.0), 1e-12), (None, 8.0 * 1e-14 + 1e-12), (Some(1e-3), 8.0 * 1e-3)]
        {
            let params = GaussianMixtureParams {
                n_components: 8,
                seed,
                threshold,
                tol: 0.0,
                variance_floor: 0.0,
                max_iter: 40,
                ..Default::default()
            };
            let report = fit(&params, &x).unwrap().report;
            assert_eq!(report.n_iter(), 40);
            for pair in report.lower_bounds.windows(2) {
                assert!(pair[1] >= pair[0] - slack, "{threshold:?}: {} after {}", pair[1], pair[0]);
            }
            let risen = report.lower_bounds[39] - report.lower_bounds[0];
            assert!(risen > 0.05, "{risen}");
        }
    }
}

#[test]
fn a_fit_finds_what_was_drawn() {
    let truth = GaussianMixture::new(
        array![0.2, 0.3, 0.5],
        array![[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]],
        array![[1.0, 1.0], [0.25, 4.0], [2.0, 0.5]],
    )
    .unwrap();
    let (x, labels) = truth.sample(20_000, 1);
    let params = GaussianMixtureParams { n_components: 3, tol: 1e-6, ..Default::default() };
    let fit = fit(&params, &x).unwrap();
    assert!(fit.report.converged && fit.report.repairs.is_empty() && fit.report.dead.is_empty());
    let found = fit.mixture.predict(&x, &Threads::one()).unwrap();
    let nearest = |k: usize| {
        let distance = |j: usize| (&fit.mixture.means().row(j) - &truth.means().row(k)).mapv(|x| x * x).sum();
        (0..3).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap()
    };
    for k in 0..3 {
        let j = nearest(k);
        assert!((fit.mixture.weights()[j] - truth.weights()[k]).abs() < 0.01);
        assert_close("covariances", fit.mixture.covariances().row(j), truth.covariances().row(k), 0.1);
    }
    let same = labels.iter().zip(&found).filter(|(truth, found)| nearest(**truth) == **found).count();
    assert!(same > 19_950, "{same}");
}

#[test]
fn descriptor_weights_are_repetitions_and_zero_weights_are_absences() {
    let truth = mixture(3, 4, 22);
    let x = rows(&truth, 200, 23);
    let weights: Vec<f64> = (0..200).map(|i| (i % 3) as f64).collect();
    let repeated: Vec<usize> = (0..200).flat_map(|i| vec![i; i % 3]).collect();
    let params = from_start(truth.clone(), 10, 0.0);
    let weighted = Descriptors::new(x.view()).with_weights(&weights).unwrap();
    let one = fit(&params, &weighted).unwrap();
    let two = fit(&params, &x.select(ndarray::Axis(0), &repeated)).unwrap();
    assert_eq!(one.report.n, two.report.n);
    assert_close("weights", one.mixture.weights(), two.mixture.weights(), 1e-10);
    assert_close("means", one.mixture.means(), two.mixture.means(), 1e-10);
    assert_close("covariances", one.mixture.covariances(), two.mixture.covariances(), 1e-10);

    let none = vec![0.0; 200];
    let none = Descriptors::new(x.view()).with_weights(&none).unwrap();
    let error = fit(&params, &none).unwrap_err();
    assert!(error.to_string().contains("expected at least 6, got 0"), "{error}");
}

#[test]
fn degenerate_data_gives_a_usable_mixture() {
    let ramp = Array2::from_shape_fn((50, 3), |(i, j)| if j == 1 { 7.0 } else { (i * (j + 1)) as f64 });
    let two_points = Array2::from_shape_fn((40, 2), |(i, _)| (i % 2) as f64);
    for (name, x, k) in [
        ("all alike", Array2::from_elem((30, 3), 0.1), 3),
        ("all zero", Array2::zeros((30, 3)), 4),
        ("a constant column", ramp, 5),
        ("two distinct points for eight components", two_points, 8),
    ] {
        for variance_floor in [0.0, 1e-3] {
            let params = GaussianMixtureParams { n_components: k, variance_floor, ..Default::default() };
            for fit in [fit(&params, &x).unwrap(), fit(&params, &x.mapv(|x| x as f32)).unwrap()] {
                assert!((fit.mixture.weights().sum() - 1.0).abs() < 1e-12, "{name}");
                assert!(fit.report.lower_bounds.iter().all(|x| x.is_finite()), "{name}: {:?}", fit.report);
                // No component sits at the origin unless the data do.
                let low = x.fold(f64::INFINITY, |a, b| a.min(*b)) - 0.3;
                assert!(fit.mixture.means().iter().all(|m| *m >= low), "{name}: {}", fit.mixture.means());
                let scores = fit.mixture.score_samples(&x, &Threads::one()).unwrap();
                assert!(scores.iter().all(|s| s.is_finite()), "{name}");
            }
        }
    }
}

#[test]
fn a_component_without_mass_is_repaired() {
    let truth = mixture(2, 2, 24);
    let x = rows(&truth, 500, 25);
    let far = array![[0.0, 0.0], [1.0, 1.0], [1e6, 1e6]];
    let start = GaussianMixture::new(Array1::from_elem(3, 1.0 / 3.0), far, Array2::ones((3, 2))).unwrap();
    let fit = fit(&from_start(start, 20, 0.0), &x).unwrap();
    assert_eq!(fit.report.repairs.len(), 1);
    assert_eq!((fit.report.repairs[0].component, fit.report.repairs[0].iteration), (2, 1));
    assert!(fit.report.dead.is_empty() && fit.mixture.weights()[2] > 0.01);
    assert!(fit.mixture.means().iter().all(|m| m.abs() < 20.0), "{}", fit.mixture.means());
}

#[test]
fn the_floor_is_relative_to_each_dimension() {
    let mut x = rows(&mixture(2, 2, 26), 400, 27);
    x.slice_mut(s![..40, ..]).fill(0.5);
    x.column_mut(1).mapv_inplace(|x| 1000.0 * x);
    let params = GaussianMixtureParams { n_components: 4, variance_floor: 0.01, ..Default::default() };
    let mixture = fit(&params, &x).unwrap().mixture;
    let variance = x.var_axis(ndarray::Axis(0), 0.0);
    let smallest = |j: usize| mixture.covariances().column(j).fold(f64::INFINITY, |a, b| a.min(*b));
    for j in 0..2 {
        assert!((smallest(j) / variance[j] - 0.01).abs() < 1e-9, "{} of {}", smallest(j), variance[j]);
    }
}

#[test]
fn settings_and_sizes_are_checked() {
    let x = rows(&mixture(2, 2, 28), 9, 29);
    let message = |params: GaussianMixtureParams| fit(&params, &x).unwrap_err().to_string();
    let k = |n_components| GaussianMixtureParams { n_components, ..Default::default() };
    assert_eq!(message(k(5)), "too few rows to fit a mixture (2 per component): expected at least 10, got 9");
    assert_eq!(message(k(0)), "n_components: expected at least 1, got 0");
    assert!(message(GaussianMixtureParams { tol: f64::NAN, ..k(2) }).starts_with("tol: expected"));
    assert!(message(GaussianMixtureParams { reg_covar: -1.0, ..k(2) }).starts_with("reg_covar: expected"));
    assert!(
        message(GaussianMixtureParams { threshold: Some(1.5), ..k(2) }).starts_with("threshold: expected")
    );
    assert!(message(GaussianMixtureParams { max_iter: 0, ..k(2) }).starts_with("max_iter: expected"));
    let start = Init::Given(mixture(2, 3, 30));
    assert!(message(GaussianMixtureParams { init: start, ..k(2) }).contains("expected 3, got 2"));
    let start = Init::Given(mixture(3, 2, 30));
    assert!(message(GaussianMixtureParams { init: start, ..k(2) }).contains("expected 2, got 3"));

    let good = (array![0.5, 0.5], Array2::zeros((2, 1)), Array2::ones((2, 1)));
    let new = |w: Array1<f64>, m: Array2<f64>, v: Array2<f64>| GaussianMixture::new(w, m, v);
    assert!(new(good.0.clone(), good.1.clone(), good.2.clone()).is_ok());
    assert!(new(array![0.5, 0.6], good.1.clone(), good.2.clone()).is_err());
    assert!(new(array![1.5, -0.5], good.1.clone(), good.2.clone()).is_err());
    assert!(new(array![1.0], good.1.clone(), good.2.clone()).is_err());
    assert!(new(good.0.clone(), array![[f64::NAN], [0.0]], good.2.clone()).is_err());
    assert!(new(good.0.clone(), good.1.clone(), array![[0.0], [1.0]]).is_err());
    assert!(new(good.0.clone(), good.1.clone(), Array2::ones((2, 2))).is_err());
    assert!(new(Array1::zeros(0), Array2::zeros((0, 1)), Array2::zeros((0, 1))).is_err());
}

#[test]
fn progress_is_reported_and_the_callback_can_interrupt() {
    let x = rows(&mixture(3, 2, 31), 500, 32);
    let params = GaussianMixture::builder(3).tol(0.0).max_iter(10);
    // The flag reaches the fit through its context, and through the threads that the context was made from.
    for by_threads in [false, true] {
        let (flag, mut seen) = (Arc::new(AtomicBool::new(false)), Vec::new());
        let mut progress = |progress: &Progress| {
            seen.push(*progress);
            flag.store(progress.iteration == 4, Ordering::Relaxed);
        };
        let context = if by_threads {
            Context::on(&Threads::one().with_interrupt(flag.clone()))
        } else {
            Context::new().interrupt(flag.clone())
        };
        let error = params.fit_with(&x, &mut context.on_progress(&mut progress)).unwrap_err();
        assert!(matches!(error, Error::Interrupted), "{error}");
        assert_eq!(seen.iter().map(|p| p.iteration).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(seen[0].change.is_infinite() && seen[1].change > 0.0);
        assert!(seen.iter().all(|p| (p.start, p.max_iter) == (0, 10)));
    }
}

/// However a context is put together, its flag counts.
#[test]
fn a_raised_flag_interrupts_every_fit() {
    let x = rows(&mixture(3, 2, 31), 500, 32);
    let raised = || Arc::new(AtomicBool::new(true));
    for make in [
        (|flag| Context::new().interrupt(flag)) as fn(Arc<AtomicBool>) -> Context<'static>,
        |flag| Context::new().threads(1).interrupt(flag),
        |flag| Context::new().interrupt(flag).threads(2),
        |flag| Context::on(&Threads::one()).interrupt(flag),
        |flag| Context::on(&Threads::one().with_interrupt(flag)),
    ] {
        let mixture = GaussianMixture::builder(3).fit_with(&x, &mut make(raised()));
        assert!(matches!(mixture, Err(Error::Interrupted)), "{mixture:?}");
        let kmeans = KMeans::builder(3).fit_with(&x, &mut make(raised()));
        assert!(matches!(kmeans, Err(Error::Interrupted)), "{kmeans:?}");
        let pca = PcaParams { n_components: 1, whiten: false }.fit_with(&x, &mut make(raised()));
        assert!(matches!(pca, Err(Error::Interrupted)), "{pca:?}");
    }
}

#[test]
fn a_warm_start_continues_where_the_fit_stopped() {
    let x = rows(&mixture(4, 3, 33), 800, 34);
    let cold = GaussianMixtureParams { n_components: 4, tol: 0.0, max_iter: 12, ..Default::default() };
    let whole = fit(&cold, &x).unwrap();
    let half = fit(&GaussianMixtureParams { max_iter: 5, ..cold.clone() }, &x).unwrap();
    let rest = GaussianMixtureParams { max_iter: 7, init: Init::Given(half.mixture), ..cold };
    let rest = fit(&rest, &x).unwrap();
    assert_eq!(rest.mixture, whole.mixture);
    assert_eq!([half.report.lower_bounds, rest.report.lower_bounds].concat(), whole.report.lower_bounds);
}

#[test]
fn a_continued_fit_can_settle_in_its_first_iteration() {
    let x = rows(&mixture(3, 4, 5), 2000, 6);
    let params = GaussianMixtureParams { n_components: 3, tol: 1e-4, ..Default::default() };
    let whole = fit(&params, &x).unwrap();
    let mut part = fit(&GaussianMixtureParams { max_iter: 1, ..params.clone() }, &x).unwrap();
    let mut iterations = 1;
    while !part.report.converged {
        let init = Init::Continued(part.mixture, part.report.lower_bound());
        part = fit(&GaussianMixtureParams { max_iter: 1, init, ..params.clone() }, &x).unwrap();
        iterations += 1;
    }
    assert_eq!(part.mixture, whole.mixture);
    assert_eq!(iterations, whole.report.n_iter());
}

#[test]
fn a_start_is_what_the_first_iteration_begins_from() {
    let x = rows(&mixture(3, 4, 5), 2000, 6);
    for init in [Init::KMeans, Init::PlusPlus, Init::RandomRows] {
        let params = GaussianMixtureParams { n_components: 3, max_iter: 4, init, ..Default::default() };
        let start = params.start_with(&x, &mut Context::on(&Threads::one())).unwrap();
        let given = GaussianMixtureParams { init: Init::Given(start), ..params.clone() };
        assert_eq!(fit(&given, &x).unwrap().report, fit(&params, &x).unwrap().report);
    }
    let lower_bound = |init| {
        let params = GaussianMixtureParams { n_components: 3, max_iter: 1, init, ..Default::default() };
        fit(&params, &x).unwrap().report.lower_bound()
    };
    assert!(lower_bound(Init::KMeans) > lower_bound(Init::PlusPlus));
}

#[test]
fn sampling_draws_from_the_mixture() {
    let mixture = mixture(3, 2, 35);
    let (x, labels) = mixture.sample(50_000, 36);
    for k in 0..3 {
        let rows: Vec<usize> = (0..x.nrows()).filter(|i| labels[*i] == k).collect();
        let share = rows.len() as f64 / x.nrows() as f64;
        assert!((share - mixture.weights()[k]).abs() < 0.01);
        let of = x.select(ndarray::Axis(0), &rows);
        let (mean, variance) = (of.mean_axis(ndarray::Axis(0)).unwrap(), of.var_axis(ndarray::Axis(0), 0.0));
        assert_close("means", &mean, mixture.means().row(k), 0.05);
        assert_close("variances", &variance, mixture.covariances().row(k), 0.05);
    }
    assert_eq!(mixture.sample(10, 36), mixture.sample(10, 36));
}

#[test]
fn restarts_really_restart_and_the_best_is_kept() {
    let x = rows(&mixture(12, 2, 37), 600, 38);
    for init in [Init::KMeans, Init::RandomRows] {
        let one =
            |seed| GaussianMixtureParams { n_components: 6, seed, init: init.clone(), ..Default::default() };
        let alone: Vec<Fit> = (5..9).map(|seed| fit(&one(seed), &x).unwrap()).collect();
        let bounds: Vec<f64> = alone.iter().map(|fit| fit.report.lower_bound()).collect();
        assert!(bounds.windows(2).any(|pair| pair[0] != pair[1]), "{bounds:?}");
        let best = (0..4).fold(0, |best, i| if bounds[i] > bounds[best] { i } else { best });
        let together = fit(&GaussianMixtureParams { n_init: 4, ..one(5) }, &x).unwrap();
        assert_eq!(together.mixture, alone[best].mixture);
        assert_eq!(together.report, alone[best].report);
        assert_eq!(together.report.seed, 5 + best as u64);
    }
}

#[test]
fn a_start_among_masked_rows_uses_the_others() {
    let x = rows(&mixture(3, 2, 39), 3000, 40);
    let mut weights = vec![0.0; 3000];
    (0..3000).step_by(100).for_each(|row| weights[row] = 1.0);
    let source = Descriptors::new(x.view()).with_weights(&weights).unwrap();
    for init in [Init::KMeans, Init::RandomRows] {
        let params = GaussianMixtureParams { n_components: 3, init, ..Default::default() };
        assert_eq!(fit(&params, &source).unwrap().report.n, 30.0);
    }
}

#[test]
fn softness_is_the_mean_largest_posterior() {
    let mixture = mixture(5, 2, 41);
    let x = rows(&mixture, 200, 42);
    let posteriors = posteriors(&mixture, &x);
    let expected = posteriors.outer_iter().map(|q| q.fold(0.0_f64, |a, b| a.max(*b))).sum::<f64>() / 200.0;
    let softness = statistics(&mixture, x.view(), Some(0.0)).softness().unwrap();
    assert!((softness - expected).abs() < 1e-12);
    assert_eq!(statistics(&mixture, x.view(), Some(1.0)).softness(), Some(1.0));
}
