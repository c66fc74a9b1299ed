//! Stepwise expectation maximization: its bits, what it is worth, and why the rows of a step must be mixed.
mod common;

use common::{mixture, rows, statistics};
use fishervec::data::Element;
use fishervec::mixture::{FitReport, GaussianMixtureParams, Init, Stepwise, StepwiseParams};
use fishervec::{Context, Descriptors, Error, GaussianMixture};
use half::f16;
use ndarray::{Array1, Array2, Axis, concatenate, s};

fn steps_of(rows: usize) -> StepwiseParams {
    StepwiseParams { step_rows: Some(rows), ..StepwiseParams::default() }
}

/// Rows of components that lie apart, one component after the other: blocks of one class.
fn blocks(k: usize, n: usize) -> (Array2<f64>, Array2<f64>) {
    let means = Array2::from_shape_fn((k, 5), |(i, j)| 4.0 * (((i * 7 + j * 3) % 11) as f64) / 3.0);
    let weights = Array1::from_elem(k, 1.0 / k as f64);
    let truth = GaussianMixture::new(weights, means, Array2::ones((k, 5))).unwrap();
    let (rows, labels) = truth.sample(n, 3);
    let of = |component: usize| -> Vec<usize> { (0..n).filter(|i| labels[*i] == component).collect() };
    let order: Vec<usize> = (0..k).flat_map(of).collect();
    (rows.select(Axis(0), &order), truth.sample(4000, 9).0)
}

fn held_out(mixture: &GaussianMixture, rows: &Array2<f64>) -> f64 {
    statistics(mixture, rows.view(), None).mean_log_likelihood().unwrap()
}

#[test]
fn one_pass_over_blocks_of_classes_is_nearly_the_whole_fit_and_without_cursors_it_is_not() {
    let (train, test) = blocks(10, 60_000);
    let params = GaussianMixture::builder(10).tol(1e-4).seed(1);
    let full = held_out(&params.fit(&train).unwrap(), &test);
    let fit = |cursors: usize| {
        let schedule = steps_of(256).cursors(cursors);
        held_out(&params.fit_stepwise(&train, &schedule, &mut Context::new()).unwrap().mixture, &test)
    };
    let (mixed, blocks) = (fit(256), fit(1));
    assert!(mixed > full - 0.2, "{mixed} {full}");
    assert!(blocks < mixed - 0.5, "{blocks} {mixed}");
}

#[test]
fn the_bits_do_not_depend_on_threads_or_on_being_stopped_after_any_step() {
    fn check<T: Element>(convert: impl Fn(f64) -> T) {
        let data = rows(&mixture(4, 3, 1), 9_000, 2).mapv(convert);
        let params = GaussianMixture::builder(4).seed(2);
        let schedule = steps_of(700).passes(2).cursors(40);
        let fit = |threads: usize| {
            params.fit_stepwise(&data, &schedule, &mut Context::new().threads(threads)).unwrap()
        };
        let expected = fit(1);
        assert_eq!((expected.report.n_iter(), expected.report.steps), (2, 26));
        assert_eq!(expected.report.n, 9_000.0);
        for threads in [2, 8] {
            let fit = fit(threads);
            assert_eq!((fit.mixture, fit.report), (expected.mixture.clone(), expected.report.clone()));
        }
        // The same steps by hand, each after a journey through bytes.
        let sample = data.view();
        let mut whole = Stepwise::start(&params, schedule.clone(), &sample, &mut Context::new()).unwrap();
        let mut stopped = whole.clone();
        for part in data.axis_chunks_iter(Axis(0), 500) {
            let step = |fit: &mut Stepwise| {
                let statistics = statistics(fit.mixture(), part.view(), fit.threshold());
                fit.step(&statistics).unwrap();
            };
            step(&mut whole);
            stopped = Stepwise::from_bytes(&stopped.to_bytes().unwrap()).unwrap();
            step(&mut stopped);
            assert_eq!(whole, stopped);
        }
        assert_eq!(whole.report().steps, 18);
    }
    check(|x| x as f32);
    check(|x| x);
    check(f16::from_f64);
}

#[test]
fn a_first_step_of_weight_one_is_an_iteration_of_the_fit() {
    let truth = mixture(3, 4, 5);
    let data = rows(&truth, 3_000, 6).mapv(|x| x + 1e5);
    let start = GaussianMixture::builder(3).max_iter(1).fit(&data).unwrap();
    let params = GaussianMixtureParams { init: Init::Given(start.clone()), ..GaussianMixture::builder(3) };
    let schedule = StepwiseParams { delay: 0.0, step_rows: Some(3_000), ..StepwiseParams::default() };
    let stepwise = params.fit_stepwise(&data, &schedule, &mut Context::new()).unwrap();
    let expected = params.max_iter(1).fit(&data).unwrap();
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
    let pairs = [
        (stepwise.mixture.weights().to_vec(), expected.weights().to_vec()),
        (stepwise.mixture.means().iter().copied().collect(), expected.means().iter().copied().collect()),
        (
            stepwise.mixture.covariances().iter().copied().collect(),
            expected.covariances().iter().copied().collect(),
        ),
    ];
    for (got, expected) in pairs {
        assert!(got.iter().zip(&expected).all(|(a, b)| close(*a, *b)), "{got:?} {expected:?}");
    }
    assert_eq!(stepwise.report.steps, 1);
}

#[test]
fn running_statistics_are_the_weighted_sum_of_those_of_the_steps() {
    // Three steps under mixtures that differ, against raw moments far from any offset.
    let params = GaussianMixture::builder(2).variance_floor(0.0);
    let data = rows(&mixture(2, 2, 4), 600, 1);
    let schedule = StepwiseParams { delay: 1.0, exponent: 0.8, ..StepwiseParams::default() };
    let mut fit = Stepwise::start(&params, schedule, &data, &mut Context::new()).unwrap();
    let first = fit.mixture().clone();
    let mut s0 = first.weights().to_owned();
    let mut s1 = &first.means() * &s0.view().insert_axis(Axis(1));
    let mut s2 = (&first.means() * &first.means() + first.covariances()) * s0.view().insert_axis(Axis(1));
    for (t, part) in (1..).zip(data.axis_chunks_iter(Axis(0), 200)) {
        let under = fit.mixture().clone();
        let statistics = statistics(&under, part, fit.threshold());
        let (gain, n) = ((f64::from(t) + 1.0).powf(-0.8), statistics.n());
        s0 = s0 * (1.0 - gain) + statistics.s0().mapv(|x| gain * x / n);
        s1 = s1 * (1.0 - gain) + statistics.s1(&under).unwrap().mapv(|x| gain * x / n);
        s2 = s2 * (1.0 - gain) + statistics.s2(&under).unwrap().mapv(|x| gain * x / n);
        fit.step(&statistics).unwrap();
        let means = &s1 / &s0.view().insert_axis(Axis(1));
        let variances = &s2 / &s0.view().insert_axis(Axis(1)) - &means * &means;
        let far = |a: &Array2<f64>, b: ndarray::ArrayView2<'_, f64>| (a - &b).mapv(f64::abs).sum();
        assert!((&s0 / s0.sum() - fit.mixture().weights()).mapv(f64::abs).sum() < 1e-12);
        assert!(far(&means, fit.mixture().means()) < 1e-10);
        assert!(far(&variances, fit.mixture().covariances()) < 1e-10);
    }
}

#[test]
fn a_component_that_no_step_reaches_is_repaired_and_nothing_becomes_nan() {
    let data = rows(&mixture(2, 2, 1), 4_000, 2);
    let start = GaussianMixture::new(
        Array1::from(vec![0.5, 0.5]),
        ndarray::array![[0.0, 0.0], [1e4, 1e4]],
        Array2::ones((2, 2)),
    );
    let params = GaussianMixtureParams { init: Init::Given(start.unwrap()), ..GaussianMixture::builder(2) };
    let schedule = StepwiseParams { delay: 0.0, ..steps_of(200) };
    let fit = params.fit_stepwise(&data, &schedule, &mut Context::new()).unwrap();
    assert_eq!(fit.report.repairs.len(), 1, "{:?}", fit.report);
    assert!(fit.mixture.means().iter().all(|x| x.abs() < 100.0), "{}", fit.mixture.means());
}

#[test]
fn odd_numbers_of_rows_weights_and_bad_rows() {
    let params = GaussianMixture::builder(2);
    let data = rows(&mixture(2, 3, 1), 1_001, 2);
    // One row a step, and more places than rows.
    for (step_rows, cursors) in [(1, 4_000), (5_000, 3), (64, 1)] {
        let schedule = steps_of(step_rows).cursors(cursors);
        let fit = params.fit_stepwise(&data, &schedule, &mut Context::new()).unwrap();
        assert!(fit.mixture.means().iter().all(|x| x.is_finite()) && fit.report.n == 1_001.0);
    }
    // Rows of weight 0 might as well not be there, whatever they hold.
    let mut padded = concatenate(Axis(0), &[data.view(), data.view()]).unwrap();
    padded.slice_mut(s![1_001.., ..]).fill(f64::NAN);
    let weights: Vec<f64> = (0..2_002).map(|i| f64::from(u8::from(i < 1_001))).collect();
    let weighted = Descriptors::new(padded.view()).with_weights(&weights).unwrap();
    let fit = params.fit_stepwise(&weighted, &steps_of(100).cursors(7), &mut Context::new()).unwrap();
    assert_eq!(fit.report.n, 1_001.0);
    let error = params.fit_stepwise(&padded, &steps_of(100), &mut Context::new()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { row: 1_001.., column: 0, .. }), "{error}");
    // So far out that no likelihood is left: the row is named as the source counts it.
    let mut far = data.mapv(|x| x as f32);
    far[[577, 1]] = 1e30;
    let start = params.clone().seed(5).fit(&data.slice(s![..500, ..])).unwrap();
    let given = GaussianMixtureParams { init: Init::Given(start), ..params.clone() };
    let sample = data.slice(s![..500, ..]).mapv(|x| x as f32);
    let mut fit = Stepwise::start(&given, steps_of(100), &sample, &mut Context::new()).unwrap();
    let error = fit.run(&far, &mut Context::new()).unwrap_err();
    assert!(matches!(error, Error::OutOfRange { row: 577 }), "{error}");
    let none = Array2::<f64>::zeros((0, 3));
    assert!(matches!(
        params.fit_stepwise(&none, &steps_of(9), &mut Context::new()),
        Err(Error::TooFewRows { .. })
    ));
}

#[test]
fn settings_out_of_range_and_statistics_of_another_mixture_are_refused() {
    let data = rows(&mixture(2, 3, 1), 500, 2);
    let params = GaussianMixture::builder(2);
    for (wrong, expected) in [
        (StepwiseParams { exponent: 0.5, ..StepwiseParams::default() }, "exponent: expected"),
        (StepwiseParams { exponent: f64::NAN, ..StepwiseParams::default() }, "exponent: expected"),
        (StepwiseParams { delay: -1.0, ..StepwiseParams::default() }, "delay: expected"),
        (StepwiseParams { step_rows: Some(0), ..StepwiseParams::default() }, "step_rows: expected"),
        (StepwiseParams { cursors: 0, ..StepwiseParams::default() }, "cursors: expected"),
        (StepwiseParams { passes: 0, ..StepwiseParams::default() }, "passes: expected"),
    ] {
        let error = params.fit_stepwise(&data, &wrong, &mut Context::new()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let mut fit = Stepwise::start(&params, StepwiseParams::default(), &data, &mut Context::new()).unwrap();
    let old = statistics(fit.mixture(), data.view(), None);
    fit.step(&old).unwrap();
    let before = fit.clone();
    assert!(matches!(fit.step(&old), Err(Error::MixtureMismatch { .. })));
    let nothing = statistics(fit.mixture(), Array2::<f64>::zeros((0, 3)).view(), None);
    assert!(matches!(fit.step(&nothing), Err(Error::TooFewRows { .. })));
    assert_eq!(fit, before);
    // A report that a model file of today holds has no steps.
    assert!(!serde_json::to_string(&FitReport::default()).unwrap().contains("steps"));
}
