//! A pass in parts has the bits of one pass: whoever computes which chunks, in whatever order, and how often.

mod common;

use common::encoders::plain_encoders;
use common::{fisher_params, mixture, rows};
use fishervec::data::{Concat, Element, Moments, Scatter, Window, sample_rows};
use fishervec::encode::{FisherParams, Information, Normalization};
use fishervec::mixture::{Climb, FitReport, GaussianMixtureParams, Init};
use fishervec::pipeline::Polish;
use fishervec::run::{Threads, Workspace};
use fishervec::shards::{Partial, Plan};
use fishervec::{
    Context, Descriptors, Encode, Error, FisherVector, GaussianMixture, Pipeline, Source, Statistics,
};
use half::f16;
use ndarray::{Array2, array, s};

/// Every shard of `of`, in an order that depends on the seed, and one of them twice.
fn shuffled(of: usize, seed: u64) -> Vec<usize> {
    let mut shards: Vec<usize> = (0..of).collect();
    shards
        .sort_by_key(|shard| (*shard as u64 + 1).wrapping_mul(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
    shards.push(shards[of / 2]);
    shards
}

/// The statistics of shards, merged in a random order, after a journey through bytes.
fn merged<S: Source>(mixture: &GaussianMixture, source: &S, of: usize, seed: u64) -> Statistics {
    let (threads, workspace) = (Threads::new(1 + seed as usize % 3).unwrap(), Workspace::default());
    let plan = mixture.plan(source.n_rows());
    let mut all: Option<Partial<Statistics>> = None;
    for shard in shuffled(of, seed) {
        let chunks = plan.shard(shard, of).unwrap();
        let part = mixture.accumulate_part(source, chunks, None, &threads, &workspace).unwrap();
        let part = Partial::from_bytes(&part.of_shard(shard, of).to_bytes().unwrap()).unwrap();
        match &mut all {
            Some(all) => all.add(part).unwrap(),
            None => all = Some(part),
        }
    }
    all.unwrap().finish().unwrap().unwrap_or_else(|| Statistics::empty(mixture))
}

fn check<T: Element>(k: usize, d: usize, n: usize, of: usize, weighted: bool, convert: fn(f64) -> T) {
    let mixture = mixture(k, d, 3);
    let rows = rows(&mixture, n, 4).mapv(convert);
    let weights: Vec<f64> = (0..n).map(|i| [1.0, 0.0, 2.5][i % 3]).collect();
    let source = Descriptors::new(rows.view());
    let source = if weighted { source.with_weights(&weights).unwrap() } else { source };
    let whole = mixture.accumulate(&source, None, &Threads::new(2).unwrap(), &Workspace::default()).unwrap();
    let case = format!("{k} {d} {n} {of} {weighted}");
    assert_eq!(merged(&mixture, &source, of, (n + of) as u64), whole, "{case}");
}

#[test]
fn statistics_of_shards_in_any_order_have_the_bits_of_one_pass() {
    for n in [0, 1, 700, 1024, 1025, 5000, 14_337] {
        for of in [1, 2, 3, 7, 16, 61] {
            check(4, 3, n, of, false, |x| x);
            check(4, 3, n, of, true, |x| x as f32);
            check(3, 5, n, of, false, f16::from_f64);
        }
    }
    check(64, 64, 20_000, 5, false, |x| x as f32);
}

#[test]
fn holders_of_a_part_of_the_rows_come_to_the_same_bits() {
    let mixture = mixture(5, 3, 1);
    let rows = rows(&mixture, 9_100, 2);
    let (threads, workspace) = (Threads::one(), Workspace::default());
    let whole = mixture.accumulate(&rows, None, &threads, &workspace).unwrap();
    let plan = mixture.plan(9_100);
    // Each holder owns the chunks that begin among its rows, and is given the rows of the last that it lacks.
    let cuts = [0, 13, 2_000, 2_000, 6_001, 9_100];
    let mut all = mixture.accumulate_part(&rows, 0..0, None, &threads, &workspace).unwrap();
    for pair in cuts.windows(2).rev() {
        let chunks = plan.first_at(pair[0])..plan.first_at(pair[1]);
        let seam = pair[1]..plan.items(chunks.clone()).end.max(pair[1]);
        let pieces = [rows.slice(s![pair[0]..pair[1], ..]), rows.slice(s![seam, ..])];
        let held = Concat::new(&pieces).unwrap();
        let window = Window::new(&held, pair[0], 9_100).unwrap();
        all.add(mixture.accumulate_part(&window, chunks, None, &threads, &workspace).unwrap()).unwrap();
    }
    assert_eq!(all.finish().unwrap().unwrap(), whole);
    let held = rows.slice(s![..3000, ..]);
    let window = Window::new(&held, 0, 9_100).unwrap();
    let error = mixture.accumulate_part(&window, 0..plan.n_chunks(), None, &threads, &workspace).unwrap_err();
    assert!(matches!(error, Error::Shards { .. }), "{error}");
}

#[test]
fn a_part_that_was_changed_or_cut_is_refused() {
    let mixture = mixture(2, 2, 1);
    let rows = rows(&mixture, 3000, 2);
    let part = mixture
        .accumulate_part(&rows, 0..2, None, &Threads::one(), &Workspace::default())
        .unwrap()
        .of_model(77)
        .of_list(5);
    let bytes = part.to_bytes().unwrap();
    assert_eq!(Partial::<Statistics>::from_bytes(&bytes).unwrap(), part);
    for end in 0..bytes.len() {
        assert!(Partial::<Statistics>::from_bytes(&bytes[..end]).is_err(), "{end}");
    }
    for at in 0..bytes.len() {
        for bit in [1, 16, 128] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            let read = Partial::<Statistics>::from_bytes(&changed);
            // Spaces that fill the header up are the only bytes that say nothing.
            assert!(read.is_err() || read.unwrap() == part, "byte {at}");
        }
    }
    let error = Partial::<Moments>::from_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("of a pass of kind mixture"), "{error}");
    let moments = Moments::part(&rows, 1..3, &Threads::one()).unwrap();
    assert_eq!(Partial::<Moments>::from_bytes(&moments.to_bytes().unwrap()).unwrap(), moments);
    let scatter = Scatter::part(&rows, 0..3, &Threads::one()).unwrap();
    assert_eq!(Partial::<Scatter>::from_bytes(&scatter.to_bytes().unwrap()).unwrap(), scatter);
    // Only the upper half of the products is written: those of merged chunks must be symmetric to the bit.
    let wide =
        Array2::from_shape_fn((9_000, 7), |(i, j)| ((i * (j + 3)) % 1009) as f32 * 0.37 + i as f32 / 77.0);
    let scatter = Scatter::part(&wide, 0..9, &Threads::one()).unwrap();
    assert_eq!(Partial::<Scatter>::from_bytes(&scatter.to_bytes().unwrap()).unwrap(), scatter);
}

#[test]
fn statistics_that_claim_another_mixture_are_an_error_and_no_panic() {
    let (small, large) = (mixture(2, 2, 1), mixture(3, 2, 1));
    let part = |mixture: &GaussianMixture| {
        let data = rows(mixture, 40, 2);
        mixture.accumulate(&data, None, &Threads::one(), &Workspace::default()).unwrap()
    };
    // The same bytes, but for the identity.
    let claimed = part(&small).to_bytes().unwrap();
    let [from, to] = [&small, &large].map(|mixture| format!("{:016x}", mixture.id()).into_bytes());
    let at = claimed.windows(16).position(|bytes| bytes == from).unwrap();
    let claimed = [&claimed[..at], &to, &claimed[at + 16..]].concat();
    let claimed = Statistics::from_bytes(&claimed).unwrap();
    let mut sum = part(&large);
    for error in [sum.merge(&claimed).unwrap_err(), sum.subtract(&claimed).unwrap_err()] {
        assert!(error.to_string().contains("in components: expected 3, got 2"), "{error}");
    }
    let encoder = FisherVector::new(large.clone());
    let error = encoder.encode_statistics(&claimed, &mut vec![0.0; encoder.output_dim()]).unwrap_err();
    assert!(matches!(error, Error::Dimension { .. }), "{error}");
    let mut climb = Climb::new(GaussianMixture::builder(3), large, &[1.0, 1.0]).unwrap();
    assert!(matches!(climb.step(&claimed), Err(Error::Dimension { .. })));
}

/// A name, settings, rows, and what the report must say.
type Case = (&'static str, GaussianMixtureParams, Array2<f64>, fn(&FitReport) -> bool);

/// Fits of which one repairs a component, one has a dead one, one holds a floor, one stops at `max_iter`, one
/// goes on from another.
fn cases() -> Vec<Case> {
    let given = |means: Array2<f64>| {
        let k = means.nrows();
        let weights = ndarray::Array1::from_elem(k, 1.0 / k as f64);
        Init::Given(GaussianMixture::new(weights, means.clone(), Array2::ones(means.dim())).unwrap())
    };
    let cloud = rows(&mixture(3, 2, 5), 3000, 6);
    let constant = Array2::from_elem((50, 1), 2.0);
    let far = given(array![[0.0, 0.0], [1.0, 1.0], [1e6, 1e6]]);
    let builder = GaussianMixture::builder;
    vec![
        ("repair", builder(3).init(far), cloud.clone(), |report| !report.repairs.is_empty()),
        ("dead", builder(2).init(given(array![[2.0], [1e5]])), constant, |report| !report.dead.is_empty()),
        ("floor", builder(8).variance_floor(0.9), cloud.clone(), |report| report.converged),
        ("max_iter", builder(3).max_iter(2).tol(0.0), cloud.clone(), |report| !report.converged),
        ("seeds", builder(3).seed(9), cloud, |report| report.seed == 9),
    ]
}

#[test]
fn climbing_by_hand_is_the_fit_and_goes_on_from_any_of_its_bytes() {
    let (threads, workspace) = (Threads::one(), Workspace::default());
    for (name, params, rows, holds) in cases() {
        let fit = params.fit_with(&rows, &mut Context::new()).unwrap();
        assert!(holds(&fit.report), "{name}: {:?}", fit.report);
        let scale = Moments::of(&rows, &threads).unwrap().positive_variance();
        let picked = params.start_rows(rows.nrows());
        let sample = if picked.is_empty() { rows.clone() } else { rows.select(ndarray::Axis(0), &picked) };
        let mut climb = Climb::start(&params, &sample, &scale, &mut Context::new()).unwrap();
        while !climb.is_done() {
            let of =
                |mixture: &GaussianMixture| mixture.accumulate(&rows, None, &threads, &workspace).unwrap();
            let statistics = of(climb.mixture());
            let flow = climb.step(&statistics).unwrap();
            assert_eq!(flow.is_break(), climb.is_done());
            let before = climb.clone();
            if climb.mixture().id() != statistics.mixture_id() {
                assert!(matches!(climb.step(&statistics), Err(Error::MixtureMismatch { .. })));
            }
            assert!(matches!(climb.step(&Statistics::empty(climb.mixture())), Err(Error::TooFewRows { .. })));
            assert_eq!(climb, before, "{name}: an error changes nothing");
        }
        let climbed = climb.into_fit();
        assert_eq!((climbed.mixture, climbed.report), (fit.mixture, fit.report), "{name}");
    }
}

fn round<S: Source>(polish: &Polish, source: &S, of: usize, seed: u64) -> Statistics {
    let (threads, workspace) = (Threads::one(), Workspace::default());
    let plan = polish.plan(source.n_rows());
    let mut all = polish.accumulate_part(source, 0..0, &threads, &workspace).unwrap();
    for shard in shuffled(of, seed) {
        let chunks = plan.shard(shard, of).unwrap();
        all.add(polish.accumulate_part(source, chunks, &threads, &workspace).unwrap()).unwrap();
    }
    all.finish().unwrap().unwrap()
}

#[test]
fn rounds_of_any_encoder_go_on_from_their_bytes() {
    let data = rows(&mixture(4, 3, 8), 2500, 9);
    for (name, pipeline) in plain_encoders() {
        let pipeline = match pipeline.encoder().information().is_empirical() {
            // It is discarded by a round, and learned again.
            true => continue,
            false => pipeline,
        };
        let params = GaussianMixture::builder(4).max_iter(4).tol(0.0);
        let mut straight = pipeline.polish(params.clone()).unwrap();
        let mut halting = straight.clone();
        let id = pipeline.id().unwrap();
        for seed in 0..4 {
            let _ = straight.step(&round(&straight, &data, 1, 0)).unwrap();
            halting = Polish::from_bytes(&halting.to_bytes().unwrap(), &params).unwrap();
            let _ = halting.step(&round(&halting, &data, 5, seed)).unwrap();
            assert_eq!(halting.to_bytes().unwrap(), straight.to_bytes().unwrap(), "{name}");
        }
        assert!(straight.is_done() && straight.n_iter() == 4, "{name}");
        let done = straight.finish();
        assert_ne!(done.id().unwrap(), id, "{name}");
        assert_eq!(halting.to_bytes().unwrap(), done.to_bytes().unwrap(), "{name}");
        assert_eq!(done.steps(), pipeline.steps());
        let locations = [&pipeline, &done].map(|one| one.encoder().spatial().map(|s| s.location().clone()));
        assert_eq!(locations[0], locations[1], "{name}");
        assert!(done.encode(&data).unwrap().iter().all(|x| x.is_finite()), "{name}");
    }
}

#[test]
fn polishing_a_fit_to_a_sample_comes_near_the_fit_to_all_rows() {
    let data = rows(&mixture(6, 4, 8), 20_000, 9);
    let held_out = rows(&mixture(6, 4, 8), 5_000, 10);
    let builder = || Pipeline::builder().fisher(GaussianMixture::builder(6).max_iter(300).tol(1e-6));
    let score = |pipeline: &Pipeline| {
        let statistics = common::statistics(pipeline.encoder().mixture().unwrap(), held_out.view(), None);
        statistics.mean_log_likelihood().unwrap()
    };
    let sampled = builder().fit(&data.slice(s![..300, ..])).unwrap();
    let mut polish = sampled.polish(GaussianMixture::builder(6).max_iter(3)).unwrap();
    while !polish.is_done() {
        let _ = polish.step(&round(&polish, &data, 3, 1)).unwrap();
    }
    let polished = polish.finish();
    let report = polished.fit_report().unwrap();
    assert_eq!((report.n, report.n_iter()), (20_000.0, 3));
    let [before, after] = [&sampled, &polished].map(score);
    let all = score(&builder().fit(&data).unwrap());
    assert!(all - after < 0.5 * (all - before) && after > before, "{before} {after} {all}");
}

#[test]
fn an_empirical_information_has_the_same_bits_in_parts_one_by_one_and_on_any_threads() {
    let mixture = mixture(3, 2, 5);
    let sets: Vec<_> = (0..70).map(|i| rows(&mixture, (i * 7) % 40, 20 + i as u64)).collect();
    let fisher = FisherParams {
        information: Some(Information::EmpiricalCentred),
        mixture: mixture.into(),
        ..fisher_params(Normalization::NONE)
    };
    let pipeline = Pipeline::builder().encoder(fisher.into()).fit(&sets[1]).unwrap();
    let bytes = |pipeline: Pipeline| pipeline.to_bytes().unwrap();
    let learned = |threads: usize| {
        pipeline.clone().learn_information(&sets, 50, 3, &mut Context::new().threads(threads)).unwrap()
    };
    let (whole, n_sets) = learned(1);
    assert_eq!(bytes(learned(3).0), bytes(whole.clone()));
    let picked = sample_rows(sets.len(), 50, 3);
    let mut fit = pipeline.information_fit(picked.len()).unwrap();
    for i in &picked {
        pipeline.add_information(&mut fit, &sets[*i], &Threads::one(), &Workspace::default()).unwrap();
    }
    assert_eq!(fit.n_sets(), n_sets);
    assert!(matches!(fit.skip(), Err(Error::Shards { .. })), "no more sets were announced");
    assert_eq!(bytes(pipeline.clone().with_information(fit).unwrap()), bytes(whole.clone()));
    let plan = Plan::information(picked.len());
    let part = |chunks| pipeline.information_part(&sets, &picked, chunks, &Threads::one()).unwrap();
    let mut all = part(0..0);
    for shard in shuffled(3, 4) {
        all.add(part(plan.shard(shard, 3).unwrap())).unwrap();
    }
    let gradients = all.finish().unwrap().unwrap();
    assert_eq!(bytes(pipeline.clone().with_information_of(&gradients).unwrap()), bytes(whole));
}
