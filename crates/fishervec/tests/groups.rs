//! A group of sets has the vector of all their descriptors as one set; every set is read once.

mod common;

use common::encoders::{mixture, plain_encoders};
use common::{Counting, encode_on, fisher_params};
use fishervec::data::{Element, Groups, Real};
use fishervec::encode::{
    BagOfWords, Codebook, Encoder, Grids, H2T, H2TParams, Norm, Normalization, Pooling, PoolingParams,
    Pyramid, Vlad, VladParams,
};
use fishervec::pipeline::GroupSums;
use fishervec::preprocess::{PcaParams, RowNorm, Step};
use fishervec::run::{Threads, Workspace};
use fishervec::{Descriptors, Encode, Error, FisherVector, Pipeline, Sets};
use ndarray::{Array2, ArrayView2, s};
use proptest::prelude::*;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Every encoder over three columns, with steps and with pyramids; before power and norm.
fn pipelines() -> Vec<(String, Pipeline)> {
    let mut all = plain_encoders();
    let pooling = || Encoder::from(Pooling::new(3, PoolingParams::default()).unwrap());
    all.push(("pooling".to_owned(), Pipeline::new(3, vec![], pooling()).unwrap()));
    let pca = PcaParams { n_components: 3, whiten: true }.fit(&mixture(4, 3).sample(300, 1).0).unwrap();
    let steps = vec![Step::Rows(RowNorm::L2), Step::Pca(Box::new(pca))];
    all.push(("pooling after steps".to_owned(), Pipeline::new(3, steps, pooling()).unwrap()));
    let plain = fisher_params(Normalization::NONE);
    let residual = VladParams { residual: true, power: 1.0, norm: Norm::None, ..VladParams::default() };
    let hard = Codebook::hard(mixture(4, 2).means().to_owned()).unwrap();
    for (name, encoder) in [
        ("fisher", Encoder::from(FisherVector::with_params(mixture(4, 2), plain).unwrap())),
        ("vlad residual", Vlad::with_params(hard.clone(), residual).unwrap().into()),
        ("h2t", H2T::with_params(hard.clone(), H2TParams::default()).unwrap().into()),
    ] {
        for grids in ["1,2,4", "3"] {
            let grids: Grids = grids.parse().unwrap();
            let pyramid = Pyramid::new(grids.clone(), vec![-2.0], vec![2.0]).unwrap();
            let steps = vec![Step::PositionColumns(1)];
            let pipeline = Pipeline::with_cells(3, steps, Some(pyramid), encoder.clone()).unwrap();
            all.push((format!("{name} pyramid {grids}"), pipeline));
        }
    }
    let located = BagOfWords::new(hard).with_spatial(mixture(2, 1)).unwrap();
    let pyramid = Pyramid::new("2".parse().unwrap(), vec![-1.0], vec![1.0]).unwrap();
    let steps = vec![Step::PositionColumns(1)];
    all.push(("both".to_owned(), Pipeline::with_cells(3, steps, Some(pyramid), located.into()).unwrap()));
    all
}

/// Sets of many sizes, one of them empty and one of several chunks, and their weights.
const SIZES: [usize; 9] = [120, 1, 0, 33, 5000, 17, 2, 260, 64];

fn bounds() -> Vec<usize> {
    let mut bounds = vec![0];
    bounds.extend(SIZES.iter().scan(0, |end, n| {
        *end += n;
        Some(*end)
    }));
    bounds
}

fn range(set: usize) -> Range<usize> {
    bounds()[set]..bounds()[set + 1]
}

fn weights() -> Vec<f64> {
    let n = SIZES.iter().sum();
    (0..n).map(|i| if i % 7 == 0 { 0.0 } else { 0.5 + (i % 3) as f64 }).collect()
}

/// Groups that share sets, repeat one, hold one set, none, and all.
fn overlapping() -> Groups {
    let groups: [&[usize]; 7] =
        [&[0, 1, 3], &[2], &[], &[4, 7], &[3, 5, 6, 7], &[0, 1, 2, 3, 4, 5, 6, 7, 8], &[8]];
    let mut starts = vec![0];
    groups.iter().for_each(|group| starts.push(starts[starts.len() - 1] + group.len()));
    Groups::new(SIZES.len(), starts, groups.concat(), None).unwrap()
}

/// The largest difference of a group's entries from those of its sets as one set, in units of the largest.
fn worst<T: Element>(pipeline: &Pipeline, rows: ArrayView2<'_, T>, weights: Option<&[f64]>) -> f64 {
    let (groups, bounds) = (overlapping(), bounds());
    let all = Descriptors::new(rows);
    let all = weights.map_or(all, |weights| all.with_weights(weights).unwrap());
    let sets = Sets::new(all, &bounds).unwrap();
    let got = pipeline.encode_groups_with(&sets, &groups, &Threads::one(), &Workspace::default()).unwrap();
    let mut worst = 0.0_f64;
    for (group, got) in got.outer_iter().enumerate() {
        let members: Vec<usize> = groups.members(group).flat_map(|(set, _)| range(set)).collect();
        let together = rows.select(ndarray::Axis(0), &members);
        let own = weights.map(|weights| members.iter().map(|row| weights[*row]).collect::<Vec<_>>());
        let whole = Descriptors::new(together.view());
        let whole = own.as_ref().map_or(whole, |own| whole.with_weights(own).unwrap());
        let expected = encode_on(pipeline, &whole, &Threads::one()).unwrap();
        let largest = expected.iter().fold(f64::MIN_POSITIVE, |largest, x| largest.max(x.to_f64().abs()));
        for (got, expected) in got.iter().zip(&expected) {
            worst = worst.max((got.to_f64() - expected.to_f64()).abs() / largest);
        }
    }
    worst
}

#[test]
fn a_group_has_the_vector_of_its_sets_as_one_set_with_every_encoder() {
    let n = SIZES.iter().sum();
    // Rows that the mixture does not expect: of its own sample the gradient is nothing but noise.
    let (x, weights) = (mixture(4, 3).sample(n, 3).0.mapv(|x| 1.3 * x + 0.2), weights());
    for (name, pipeline) in pipelines() {
        for weights in [None, Some(&weights[..])] {
            let double = worst(&pipeline, x.view(), weights);
            assert!(double <= 1e-12, "{name}: {double:e}");
            let single = worst(&pipeline, x.mapv(|x| x as f32).view(), weights);
            assert!(single <= 1e-6, "{name}: {single:e} in f32");
        }
    }
}

/// A mean far from 0 must not cost digits: neither of the mean and deviation, nor of a mixture that lies
/// there.
#[test]
fn an_offset_of_all_descriptors_costs_no_digits() {
    let n = SIZES.iter().sum();
    let x = mixture(4, 3).sample(n, 4).0;
    let at = mixture(4, 3);
    for offset in [1e3, 1e6, 1e9] {
        let moved = fishervec::GaussianMixture::new(
            at.weights().to_owned(),
            &at.means() + offset,
            at.covariances().to_owned(),
        );
        let fisher = FisherVector::with_params(moved.unwrap(), fisher_params(Normalization::NONE)).unwrap();
        let pooling = Pooling::new(3, PoolingParams::default()).unwrap();
        for (name, encoder) in [("fisher", Encoder::from(fisher)), ("pooling", pooling.into())] {
            let pipeline = Pipeline::new(3, vec![], encoder).unwrap();
            let error = worst(&pipeline, (&x + offset).view(), None);
            assert!(error <= 1e-12, "{name} at {offset}: {error:e}");
        }
    }
    // The deviations alone, which are small beside the means.
    let pooling =
        Pipeline::new(3, vec![], Pooling::new(3, PoolingParams::default()).unwrap().into()).unwrap();
    let (bounds, far) = (bounds(), &x + 1e6);
    let sets = Sets::new(far.view(), &bounds).unwrap();
    let all = Groups::of_labels(&[0; SIZES.len()]).0;
    let got = pooling.encode_groups(&sets, &all).unwrap();
    let expected = pooling.encode(&far).unwrap();
    for (got, expected) in got.row(0).iter().zip(&expected).skip(3) {
        assert!((got - expected).abs() <= 1e-12 * expected, "{got} for {expected}");
    }
}

#[test]
fn each_set_is_read_once_however_many_groups_hold_it() {
    let x = mixture(4, 3).sample(SIZES.iter().sum(), 5).0;
    let pipeline = plain_encoders().swap_remove(0).1;
    let sets: Vec<_> = (0..SIZES.len())
        .map(|set| Counting(Descriptors::new(x.slice(s![range(set), ..])), AtomicUsize::new(0)))
        .collect();
    pipeline.encode_groups(&sets, &overlapping()).unwrap();
    for (set, n) in sets.iter().zip(SIZES) {
        assert_eq!(set.1.load(Ordering::Relaxed), n);
    }
}

#[test]
fn a_group_of_one_set_has_its_vector_to_the_bit_and_no_other_group_has_an_influence() {
    let x = mixture(4, 3).sample(SIZES.iter().sum(), 6).0.mapv(|x| x as f32);
    let bounds = bounds();
    let sets = Sets::new(x.view(), &bounds).unwrap();
    let (three, workspace) = (Threads::new(3).unwrap(), Workspace::default());
    for (name, pipeline) in pipelines() {
        let single = Groups::of_labels(&[8, 7, 6, 5, 4, 3, 2, 1, 0]).0;
        let mut got = pipeline.encode_groups(&sets, &single).unwrap();
        got.invert_axis(ndarray::Axis(0));
        assert_eq!(got, pipeline.encode_all(&sets).unwrap(), "{name}");

        let together = pipeline.encode_groups(&sets, &overlapping()).unwrap();
        let other = pipeline.encode_groups_with(&sets, &overlapping(), &three, &workspace).unwrap();
        assert_eq!(together, other, "{name}: three threads");
        for group in 0..overlapping().n_groups() {
            let members: Vec<usize> = overlapping().members(group).map(|(set, _)| set).collect();
            let alone = Groups::new(SIZES.len(), vec![0, members.len()], members, None).unwrap();
            let alone = pipeline.encode_groups(&sets, &alone).unwrap();
            assert_eq!(alone.row(0), together.row(group), "{name}: group {group} alone");
        }
    }
}

#[test]
fn sets_may_come_in_parts() {
    let x = mixture(4, 3).sample(SIZES.iter().sum(), 7).0;
    let (bounds, groups) = (bounds(), overlapping());
    let sets: Vec<_> = (0..SIZES.len()).map(|set| x.slice(s![range(set), ..])).collect();
    let workspace = Workspace::default();
    for (name, pipeline) in pipelines() {
        let expected = pipeline.encode_groups(&Sets::new(x.view(), &bounds).unwrap(), &groups).unwrap();
        let got = Mutex::new(Array2::<f64>::zeros(expected.raw_dim()));
        let mut sums = GroupSums::new(&groups);
        for part in sets.chunks(2) {
            let done = |group: usize, gathered: &fishervec::encode::Gathered| {
                let mut all = got.lock().unwrap();
                let mut row = all.row_mut(group);
                pipeline.encode_gathered_into(gathered, row.as_slice_mut().unwrap(), &workspace).map(drop)
            };
            sums.add(&pipeline, part, &Threads::one(), &workspace, &done).unwrap();
        }
        sums.finish().unwrap();
        assert_eq!(got.into_inner().unwrap(), expected, "{name}");
    }
}

#[test]
fn a_group_of_nothing_is_an_empty_set_and_a_set_of_no_group_is_not_read() {
    let mut x = mixture(4, 3).sample(20, 8).0;
    x.row_mut(15).fill(f64::NAN);
    let nothing = Array2::<f64>::zeros((0, 3));
    let unknown = Array2::<f64>::zeros((0, 0));
    let sets = [x.slice(s![..10, ..]), nothing.view(), unknown.view(), x.slice(s![10.., ..])];
    let zeros = vec![0.0; 10];
    for (name, pipeline) in pipelines() {
        let groups = Groups::new(4, vec![0, 0, 2, 3], vec![1, 2, 0], None).unwrap();
        let got = pipeline.encode_groups(&sets, &groups).unwrap();
        assert!(got.row(0).iter().chain(got.row(1)).all(|x| *x == 0.0), "{name}");
        assert_eq!(got.row(2), encode_on(&pipeline, &sets[0], &Threads::one()).unwrap(), "{name}");
        let weightless = [
            Descriptors::new(x.slice(s![10.., ..])).with_weights(&zeros).unwrap(),
            Descriptors::new(x.slice(s![..10, ..])),
        ];
        let got = pipeline.encode_groups(&weightless, &Groups::of_labels(&["a", "a"]).0).unwrap();
        let (got, expected) = (got.row(0), encode_on(&pipeline, &sets[0], &Threads::one()).unwrap());
        assert_eq!(got, expected, "{name}: rows of weight 0");
        let none: [ArrayView2<'_, f64>; 0] = [];
        let shape = pipeline.encode_groups(&none, &Groups::of_labels::<u8>(&[]).0).unwrap().dim();
        assert_eq!(shape, (0, pipeline.output_dim()));
    }
}

#[test]
fn the_weight_of_a_set_in_a_group_multiplies_those_of_its_descriptors() {
    let x = mixture(4, 3).sample(90, 9).0;
    let sets = [x.slice(s![..30, ..]), x.slice(s![30..70, ..]), x.slice(s![70.., ..])];
    let factors = [0.25, 1.0, 3.0];
    let weights: Vec<f64> =
        (0..90).map(|row| factors[usize::from(row >= 30) + usize::from(row >= 70)]).collect();
    let whole = Descriptors::new(x.view()).with_weights(&weights).unwrap();
    let groups = Groups::new(3, vec![0, 3], vec![0, 1, 2], Some(factors.to_vec())).unwrap();
    for (name, pipeline) in pipelines() {
        let got = pipeline.encode_groups(&sets, &groups).unwrap();
        let expected = encode_on(&pipeline, &whole, &Threads::one()).unwrap();
        let largest = expected.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
        for (got, expected) in got.row(0).iter().zip(&expected) {
            assert!((got - expected).abs() <= 1e-12 * largest, "{name}: {got} for {expected}");
        }
    }
}

#[test]
fn the_summary_of_a_group_counts_all_its_descriptors() {
    let (mixture, x) = (mixture(4, 3), mixture(4, 3).sample(90, 10).0);
    let pipeline = Pipeline::new(3, vec![], FisherVector::new(mixture).into()).unwrap();
    let (one, workspace) = (Threads::one(), Workspace::default());
    let mut out = vec![0.0; pipeline.output_dim()];
    let expected = pipeline.encode_into(&x, &mut out, &one, &workspace).unwrap();
    let mut all = pipeline.gather(&x.slice(s![..50, ..]), &one, &workspace).unwrap();
    all.merge(&pipeline.gather(&x.slice(s![50.., ..]), &one, &workspace).unwrap()).unwrap();
    let got = pipeline.encode_gathered_into(&all, &mut out, &workspace).unwrap();
    assert_eq!((got.n_rows, all.n_rows()), (90, 90));
    let (got, expected) = (got.mean_log_likelihood.unwrap(), expected.mean_log_likelihood.unwrap());
    assert!((got - expected).abs() < 1e-12 * expected.abs());
    assert_eq!(all.statistics().unwrap().n(), 90.0);
    // Descriptors of either float type make one group.
    let single = x.mapv(|x| x as f32);
    let other = pipeline.gather(&single, &one, &Workspace::default()).unwrap();
    all.merge(&other).unwrap();
    assert_eq!(all.n_rows(), 180);
}

#[test]
fn what_goes_wrong_names_the_set_and_changes_nothing() {
    let (x, workspace) = (mixture(4, 3).sample(30, 11).0, Workspace::default());
    let all = pipelines();
    let gather = |pipeline: &Pipeline| pipeline.gather(&x, &Threads::one(), &workspace).unwrap();
    let find = |name: &str| &all.iter().find(|(other, _)| other.contains(name)).unwrap().1;
    let (fisher, pooling) = (find("fisher"), find("pooling"));
    let (vlad, quarters, thirds) = (find("vlad"), find("fisher pyramid 1"), find("fisher pyramid 3"));
    for (a, b) in
        [(fisher, vlad), (fisher, pooling), (fisher, quarters), (quarters, thirds), (pooling, fisher)]
    {
        let (mut sum, other) = (gather(a), gather(b));
        let before = sum.clone();
        sum.merge(&other).unwrap_err();
        assert_eq!(sum, before);
        let mut out = vec![0.0; a.output_dim()];
        a.encode_gathered_into(&other, &mut out, &workspace).unwrap_err();
    }
    assert!(gather(fisher).scale(f64::NAN).unwrap_err().to_string().contains("factor"));
    assert!(gather(pooling).scale(-1.0).is_err());

    let mut bad = x.clone();
    bad[[3, 1]] = f64::NAN;
    let sets = [x.view(), bad.view()];
    let error = fisher.encode_groups(&sets, &Groups::of_labels(&["a", "a"]).0).unwrap_err();
    assert_eq!(error.to_string(), "set 1: row 3, column 1 is NaN: descriptors must be finite");
    let error = fisher.encode_groups(&sets, &Groups::of_labels(&["a"]).0).unwrap_err();
    assert!(error.to_string().contains("groups: expected those of 2 sets, got 1"), "{error}");
    let mut sums = GroupSums::new(&Groups::of_labels(&["a", "a", "b"]).0);
    sums.add(fisher, &[x.view()], &Threads::one(), &workspace, &|_, _| Ok(())).unwrap();
    let error = sums.finish().unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "groups", .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_partition_into_groups_equals_their_concatenation(
        labels in prop::collection::vec(0_usize..5, 1..40),
        seed in 0_u64..1000,
        choice in 0_usize..1000,
    ) {
        let all = pipelines();
        let (name, pipeline) = &all[choice % all.len()];
        let sizes: Vec<usize> = (0..labels.len()).map(|i| (i * 13 + seed as usize) % 23).collect();
        let x = mixture(4, 3).sample(sizes.iter().sum::<usize>().max(1), seed).0;
        let mut end = 0;
        let sets: Vec<_> = sizes.iter().map(|n| {
            end += n;
            x.slice(s![end - n..end, ..])
        }).collect();
        let (groups, names) = Groups::of_labels(&labels);
        let got = pipeline.encode_groups_with(&sets, &groups, &Threads::one(), &Workspace::default()).unwrap();
        for (name_of, got) in names.into_iter().zip(got.outer_iter()) {
            let own = sets.iter().zip(&labels).filter(|(_, label)| *label == name_of);
            let own: Vec<_> = own.map(|(set, _)| *set).collect();
            let whole = ndarray::concatenate(ndarray::Axis(0), &own).unwrap();
            let expected = encode_on(pipeline, &whole, &Threads::one()).unwrap();
            let largest = expected.iter().fold(f64::MIN_POSITIVE, |largest, x| largest.max(x.abs()));
            for (got, expected) in got.iter().zip(&expected) {
                prop_assert!((got - expected).abs() <= 1e-12 * largest, "{}: {} for {}", name, got, expected);
            }
        }
    }
}
