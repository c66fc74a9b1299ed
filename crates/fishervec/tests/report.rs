//! The numbers of a report are those that the formulas give, for every encoder and any number of threads.

mod common;

use common::{mixture, rows};
use fishervec::encode::{By, Codebook, Encoder, FisherParams, Grids, Norm, PoolingParams, Scores};
use fishervec::evaluate::evaluate;
use fishervec::report::{ComponentShare, Findings, Labels, Report, Survey};
use fishervec::run::{Threads, Workspace};
use fishervec::{
    BagOfWords, Descriptors, Encode, FisherVector, GaussianMixture, Pipeline, Pooling, Source, Vlad,
};
use ndarray::{Array1, Array2, Axis, s};

/// Sets of two kinds under a mixture of 4 components in 3 columns; some are empty, and one is there twice.
fn sets(n: usize) -> (Vec<Array2<f64>>, Vec<Option<usize>>) {
    let mixture = mixture(4, 3, 5);
    let mut sets: Vec<Array2<f64>> = (0..n)
        .map(|i| {
            let n = if i % 11 == 10 { 0 } else { 20 + 3 * (i % 5) };
            rows(&mixture, n, i as u64) + 0.35 * (i % 2) as f64
        })
        .collect();
    sets[n - 2] = sets[0].clone();
    (sets, (0..n).map(|i| Some(i % 2)).collect())
}

fn labels(of_sets: &[Option<usize>]) -> Labels {
    let n = of_sets.iter().flatten().max().map_or(0, |last| last + 1);
    Labels::new((0..n).map(|i| format!("label {i}")).collect(), of_sets.to_vec()).unwrap()
}

fn survey<S: Source<Real = f64>>(
    pipeline: &Pipeline,
    sets: &[S],
    labels: Labels,
    threads: usize,
) -> Findings {
    let threads = Threads::new(threads).unwrap();
    let mut survey = Survey::new(pipeline, labels, 0);
    survey.add_all(sets, &threads, &Workspace::default()).unwrap();
    survey.finish(&threads).unwrap()
}

fn pipelines() -> Vec<(&'static str, Pipeline)> {
    let gmm = || mixture(4, 3, 5);
    let hard = || Codebook::hard(gmm().means().to_owned()).unwrap();
    let soft = || Codebook::soft(gmm(), None).unwrap();
    let of = |encoder: Encoder| Pipeline::new(3, vec![], encoder).unwrap();
    let intra = FisherParams { norm: Norm::IntraL2, ..FisherParams::default() };
    let (sets, _) = sets(30);
    let located = || Pipeline::builder().position_columns(1).fisher(mixture(4, 2, 5));
    vec![
        ("fisher", of(FisherVector::new(gmm()).into())),
        ("intra", of(FisherVector::with_params(gmm(), intra).unwrap().into())),
        ("vlad", of(Vlad::new(hard()).into())),
        ("soft vlad", of(Vlad::new(soft()).into())),
        ("bow", of(BagOfWords::new(soft()).into())),
        ("pooling", of(Pooling::new(3, PoolingParams::default()).unwrap().into())),
        ("spatial", located().spatial(GaussianMixture::builder(2)).fit(&sets[0]).unwrap()),
        ("pyramid", located().pyramid("1,2".parse::<Grids>().unwrap()).fit(&sets[0]).unwrap()),
    ]
}

#[test]
fn every_encoder_has_a_report_of_the_same_bits_on_any_number_of_threads() {
    let (sets, of_sets) = sets(60);
    for (name, pipeline) in pipelines() {
        let found = survey(&pipeline, &sets, labels(&of_sets), 1);
        for threads in [2, 3] {
            let again = survey(&pipeline, &sets, labels(&of_sets), threads);
            assert_eq!(
                (again.report, again.targets),
                (found.report.clone(), found.targets.clone()),
                "{name}"
            );
        }
        let report = &found.report;
        let rows: usize = sets.iter().map(Array2::nrows).sum();
        assert_eq!((report.sets, report.descriptors, report.labelled), (60, rows, 60), "{name}");
        assert_eq!((report.empty, report.sample.sets, report.repeated), (5, 55, 1), "{name}");
        assert_eq!((report.twins[0].first, report.twins[0].set), (0, 58), "{name}");
        let entries: usize = report.blocks.iter().map(|block| block.entries).sum();
        assert_eq!(entries, pipeline.output_dim(), "{name}");
        let parts: f64 = report.blocks.iter().map(|block| block.part).sum();
        assert!((parts - 1.0).abs() < 1e-9, "{name}: {parts}");
        let map = report.map.as_ref().unwrap();
        assert_eq!(
            (map.plane, map.cells.iter().map(|cell| cell.sets).sum::<usize>()),
            ("labels", 55),
            "{name}"
        );
        let found = report.classification.as_ref().unwrap();
        assert_eq!(found.confusion.iter().flatten().sum::<u64>(), 55, "{name}");
        assert!(found.accuracy > 0.6, "{name}: {}", found.accuracy);
        // Nothing is not a number: JSON would have null there.
        let text = serde_json::to_string(report).unwrap();
        assert!(!text.contains("NaN") && text.len() < 100_000, "{name}");
    }
}

#[test]
fn shares_lengths_and_examples_are_those_of_the_formulas() {
    let (sets, of_sets) = sets(40);
    for (name, pipeline) in pipelines() {
        let report = survey(&pipeline, &sets, labels(&of_sets), 2).report;
        let Some(mixture) = pipeline.encoder().mixture() else {
            assert_eq!((report.n_components, report.softness), (0, None), "{name}");
            continue;
        };
        let own = |set: &Array2<f64>| set.slice(s![.., ..mixture.dim()]).to_owned();
        let filled: Vec<&Array2<f64>> = sets.iter().filter(|set| set.nrows() > 0).collect();
        let shares = |set: &Array2<f64>| -> Array1<f64> {
            let threshold = pipeline.encoder().codebook().filter(|codebook| codebook.is_hard()).map(|_| 1.0);
            let one = Threads::one();
            let of = mixture.accumulate(&own(set), threshold, &one, &Workspace::default()).unwrap();
            &of.s0() / of.n()
        };
        for (k, facts) in report.components.iter().enumerate() {
            let expected: f64 = filled.iter().map(|set| shares(set)[k]).sum::<f64>() / filled.len() as f64;
            assert!((facts.share - expected).abs() < 1e-6, "{name} {k}: {} {expected}", facts.share);
            // The nearest descriptor of each set among those whose likeliest component it is.
            let mut near: Vec<(f64, usize, usize)> = Vec::new();
            for (i, set) in sets.iter().enumerate().filter(|(_, set)| set.nrows() > 0) {
                let likeliest = mixture.predict(&own(set), &Threads::one()).unwrap();
                let distance = |row: usize| {
                    let z =
                        (&own(set).row(row) - &mixture.means().row(k)) / mixture.covariances().row(k).sqrt();
                    (z.dot(&z) / mixture.dim() as f64).sqrt()
                };
                let own =
                    (0..set.nrows()).filter(|row| likeliest[*row] == k).map(|row| (distance(row), i, row));
                near.extend(own.min_by(|a, b| a.0.total_cmp(&b.0)));
            }
            near.sort_by(|a, b| a.0.total_cmp(&b.0));
            near.dedup_by_key(|near| near.0);
            near.truncate(4);
            let found: Vec<_> = facts.nearest.iter().map(|at| (at.set, at.row)).collect();
            assert_eq!(
                found,
                near.iter().map(|(_, set, row)| (*set, *row)).collect::<Vec<_>>(),
                "{name} {k}"
            );
        }
        for (c, row) in report.component_by_label.iter().enumerate() {
            let of_label = || (0..40).filter(|i| i % 2 == c && sets[*i].nrows() > 0);
            let mean = of_label().map(|i| shares(&sets[i])[1]).sum::<f64>() / of_label().count() as f64;
            assert!((f64::from(row[1]) - mean).abs() < 1e-6, "{name} {c}");
        }
    }
    // The length before the norm is that of a vector without one.
    let gmm = mixture(4, 3, 5);
    let plain = FisherParams { norm: Norm::None, ..FisherParams::default() };
    let plain = FisherVector::with_params(gmm.clone(), plain).unwrap();
    let report = survey(&pipelines()[0].1, &sets, Labels::default(), 1).report;
    let mut expected: Vec<f64> = sets
        .iter()
        .filter(|set| set.nrows() > 0)
        .map(|set| plain.encode(set).unwrap().mapv(|x| x * x).sum().sqrt())
        .collect();
    expected.sort_by(f64::total_cmp);
    let lengths = report.lengths.unwrap();
    assert!((lengths.min - expected[0]).abs() < 1e-9, "{lengths:?}");
    assert!((lengths.max - expected[expected.len() - 1]).abs() < 1e-9, "{lengths:?}");
}

#[test]
fn errors_are_explained_by_coefficients_whose_shares_sum_to_the_margin() {
    let (mut sets, of_sets) = sets(60);
    sets.iter_mut().for_each(|set| *set *= 0.7);
    let pipeline = &pipelines()[0].1;
    let Findings { report, targets } = survey(pipeline, &sets, labels(&of_sets), 2);
    let found = report.classification.unwrap();
    assert!(found.errors > 0 && found.surest.len() == found.errors.min(8), "{found:?}");
    let vectors = pipeline.encode_all(&sets).unwrap();
    for (error, target) in found.surest.iter().zip(targets.outer_iter()) {
        let score = target.dot(&vectors.row(error.set));
        assert!((score + error.bias - error.margin).abs() < 1e-6, "{error:?}: {score}");
        assert!(error.margin > 0.0 && error.label != error.taken_for, "{error:?}");
        let scores = Scores::new(target.insert_axis(Axis(0)));
        let shares = pipeline
            .contributions(&sets[error.set], &scores, &Threads::one(), &Workspace::default())
            .unwrap();
        assert!((shares.sum() + error.bias - error.margin).abs() < 1e-6, "{error:?}");
        let by_component = scores.by(By::Component);
        let shares = pipeline
            .contributions(&sets[error.set], &by_component, &Threads::one(), &Workspace::default())
            .unwrap();
        let shares = shares.sum_axis(Axis(0));
        let of = |at: &ComponentShare| (shares[[0, at.component]] - at.share).abs();
        assert!(error.components.len() == 4 && error.components.iter().all(|at| of(at) < 1e-6), "{error:?}");
    }
    assert!(found.surest.windows(2).all(|pair| pair[0].margin >= pair[1].margin));
    // The nearest neighbour is that of `evaluate`.
    let kept: Vec<usize> = (0..60).filter(|i| sets[*i].nrows() > 0).collect();
    let vectors = vectors.select(Axis(0), &kept).mapv(|x| x as f32);
    let numbers: Vec<i64> = kept.iter().map(|i| (i % 2) as i64).collect();
    let expected = evaluate(vectors.view(), &numbers, 1, &Threads::one()).unwrap();
    assert!((found.nearest - expected.accuracy).abs() < 1e-12, "{} {}", found.nearest, expected.accuracy);
}

#[test]
fn odd_sets_and_labels_have_a_report() {
    let pipeline = &pipelines()[0].1;
    let (filled, _) = sets(40);
    let none: Vec<Array2<f64>> = Vec::new();
    let of = |sets: &[Array2<f64>], labels: Labels| survey(pipeline, sets, labels, 2).report;
    // No sets, one, empty ones alone, and the same one again and again.
    for sets in [&none[..], &filled[..1], &vec![Array2::zeros((0, 3)); 4], &vec![filled[0].clone(); 5]] {
        let of_sets: Vec<_> = (0..sets.len()).map(|i| Some(i % 2)).collect();
        for labels in [Labels::default(), labels(&of_sets)] {
            let report = of(sets, labels);
            assert_eq!((report.sets, &report.map, &report.classification), (sets.len(), &None, &None));
            assert!(!serde_json::to_string(&report).unwrap().contains("NaN"));
        }
    }
    // Without labels, and with one, there is a map but nothing to tell apart.
    for labels in [Labels::default(), labels(&[Some(0); 40])] {
        let report = of(&filled, labels);
        assert_eq!(report.map.unwrap().plane, "variance");
        assert!(
            report.classification.is_none() && report.blocks.iter().all(|block| block.accuracy.is_none())
        );
    }
    // A label of its own for each set: nothing to find either.
    let report = of(&filled, labels(&(0..40).map(Some).collect::<Vec<_>>()));
    assert_eq!((report.n_labels, report.labels.len()), (40, Report::LABELS));
    assert!(report.classification.is_none());
    // Thirty labels, and some sets without: those are in no sample.
    let report = of(&filled, labels(&(0..40).map(|i| (i < 36).then_some(i / 2 + 12)).collect::<Vec<_>>()));
    assert_eq!((report.labelled, report.n_labels, report.sample.of), (36, 18, 33));
    let found = report.classification.unwrap();
    assert_eq!((found.sets, found.alone, found.labels), (30, 3, 15));
    // Rows of weight 0 make a set empty; a set far away is an outlier.
    let weights = vec![0.0; filled[0].nrows()];
    let unseen = Descriptors::new(filled[0].view()).with_weights(&weights).unwrap();
    let far = filled[1].mapv(|x| x + 40.0);
    let mut list: Vec<Descriptors<'_, f64>> = filled.iter().map(|set| Descriptors::new(set.view())).collect();
    list.push(unseen);
    list.push(Descriptors::new(far.view()));
    let report = survey(pipeline, &list, Labels::default(), 1).report;
    assert_eq!((report.empty, report.n_outliers, report.outliers[0].set), (4, 1, 41));
    assert!(Labels::new(vec!["a".to_owned()], vec![Some(1)]).is_err());
    // A set that is skipped counts as such alone, and keeps its number.
    let mut one_less = Survey::new(pipeline, labels(&[Some(0); 3]), 0);
    one_less.skip();
    one_less.add_all(&filled[..2], &Threads::one(), &Workspace::default()).unwrap();
    let report = one_less.finish(&Threads::one()).unwrap().report;
    assert_eq!((report.sets, report.skipped, report.empty, report.labelled), (3, 1, 0, 2));
    assert_eq!(report.sizes.map(|sizes| sizes.n), Some(2));
    // Huge numbers overflow a vector, and say so.
    let huge = [Array2::from_elem((5, 3), 1e200)];
    let mut survey = Survey::new(pipeline, Labels::default(), 0);
    let error = survey.add_all(&huge, &Threads::one(), &Workspace::default()).unwrap_err();
    assert!(error.to_string().starts_with("set 0: "), "{error}");
}

#[test]
fn the_sample_is_drawn_and_its_size_bounded() {
    let gmm = mixture(4, 1, 3);
    let codebook = Codebook::soft(gmm.clone(), None).unwrap();
    let pipeline = Pipeline::new(1, vec![], BagOfWords::new(codebook).into()).unwrap();
    let sets: Vec<Array2<f64>> = (0..3000).map(|i| rows(&gmm, 3, i)).collect();
    let of_sets: Vec<_> = (0..3000).map(|i| Some(i % 30)).collect();
    let found = survey(&pipeline, &sets, labels(&of_sets), 2).report;
    assert_eq!((found.sample.sets, found.sample.of), (Report::SAMPLE, 3000));
    let told = found.classification.unwrap();
    // Thirty labels, of which the last six are one.
    assert_eq!((told.confusion.len(), told.labels, told.sets), (Report::LABELS + 1, 30, 2000));
}
