//! Sources made of other sources: several sets as one, and rows after preprocessing steps.

mod common;

use common::*;
use fishervec::data::{Concat, OwnedDescriptors, RowBuffer};
use fishervec::encode::Pyramid;
use fishervec::mixture::Init;
use fishervec::preprocess::{PcaParams, Preprocessed, RowNorm, Step};
use fishervec::run::{Threads, Workspace};
use fishervec::{Context, Descriptors, Error, FisherVector, GaussianMixture, Pipeline, Source};
use ndarray::{Array2, Axis, concatenate, s};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sets of 0 to 700 rows, and all of them in one array.
fn sets() -> (Vec<Array2<f64>>, Array2<f64>) {
    let mixture = mixture(3, 5, 1);
    let sets: Vec<_> =
        [0, 300, 1, 0, 0, 700, 1200, 0].iter().zip(2..).map(|(n, seed)| rows(&mixture, *n, seed)).collect();
    let all = concatenate(Axis(0), &sets.iter().map(|set| set.view()).collect::<Vec<_>>()).unwrap();
    (sets, all)
}

#[test]
fn concatenated_sets_are_their_rows_one_after_the_other() {
    let (sets, all) = sets();
    let views: Vec<_> = sets.iter().map(|set| Descriptors::new(set.view())).collect();
    let concat = Concat::new(&views).unwrap();
    assert_eq!((concat.n_rows(), concat.dim(), concat.weights()), (all.nrows(), 5, None));
    for (start, n) in [(0, 2201), (0, 0), (299, 3), (300, 1), (301, 1900), (2200, 1), (2201, 0)] {
        let mut out = vec![f64::NAN; n * 5];
        concat.read(start, &mut out, &mut RowBuffer::default()).unwrap();
        assert_eq!(out, all.slice(s![start..start + n, ..]).as_slice().unwrap(), "{start} {n}");
    }
    let whole = Descriptors::new(all.view());
    let mixture = mixture(4, 5, 9);
    let two = Threads::new(2).unwrap();
    assert_eq!(
        mixture.accumulate(&concat, None, &two, &Workspace::default()).unwrap(),
        mixture.accumulate(&whole, None, &Threads::one(), &Workspace::default()).unwrap()
    );
    let samples =
        (OwnedDescriptors::draw(&concat, 50, 3).unwrap(), OwnedDescriptors::draw(&whole, 50, 3).unwrap());
    assert_eq!(samples.0.view().rows(), samples.1.view().rows());
}

#[test]
fn concatenated_sets_have_weights_as_soon_as_one_has() {
    let (sets, all) = sets();
    let weights = vec![0.5; 300];
    let mut views: Vec<_> = sets.iter().map(|set| Descriptors::new(set.view())).collect();
    views[1] = views[1].with_weights(&weights).unwrap();
    let concat = Concat::new(&views).unwrap();
    let expected: Vec<f64> = (0..all.nrows()).map(|row| if row < 300 { 0.5 } else { 1.0 }).collect();
    assert_eq!(concat.weights(), Some(&expected[..]));
}

#[test]
fn an_error_among_concatenated_sets_names_set_and_row() {
    let (mut sets, _) = sets();
    sets[5][[17, 2]] = f64::NAN;
    let views: Vec<_> = sets.iter().map(|set| Descriptors::new(set.view())).collect();
    let concat = Concat::new(&views).unwrap();
    let error = mixture(4, 5, 9).accumulate(&concat, None, &Threads::one(), &Workspace::default());
    assert_eq!(error.unwrap_err().to_string(), "set 5: row 17, column 2 is NaN: descriptors must be finite");
    let error = Concat::of_dim(&views, 4).unwrap_err();
    assert!(matches!(error.cause(), Error::Dimension { expected: 4, got: 5, .. }), "{error}");
    assert!(error.to_string().starts_with("set 0: "), "{error}");
    let none: [Descriptors<'_, f32>; 0] = [];
    assert_eq!(Concat::of_dim(&none, 3).unwrap().n_rows(), 0);
}

#[test]
fn rows_after_a_projection_are_its_product() {
    let (_, all) = sets();
    let pca = PcaParams { n_components: 2, whiten: false }.fit(&all).unwrap();
    let expected = (&all - pca.mean()).dot(&pca.components().t());
    let steps = [Step::Rows(RowNorm::None), Step::Pca(Box::new(pca))];
    let rows = Preprocessed::new(&all, &steps).unwrap();
    let one = rows.to_array(&Threads::one()).unwrap();
    assert_close("projected", &one, &expected, 1e-12);
    assert_eq!(rows.to_array(&Threads::new(2).unwrap()).unwrap(), one);
}

#[test]
fn rows_that_are_kept_have_the_bits_of_those_that_are_computed_where_they_are_read() {
    let all = rows(&mixture(3, 70, 1), 3000, 2).mapv(|x| x as f32);
    let pca = PcaParams { n_components: 12, whiten: true }.fit(&all).unwrap();
    let steps = [Step::Rows(RowNorm::L2), Step::Pca(Box::new(pca))];
    let mut weights = vec![1.0; 3000];
    weights[5] = 0.0;
    let mut held = all.clone();
    held[[5, 3]] = f32::NAN;
    let source = Descriptors::new(held.view()).with_weights(&weights).unwrap();
    let (computed, kept) =
        (Preprocessed::new(&source, &steps).unwrap(), Preprocessed::new(&source, &steps).unwrap());
    kept.keep(&Threads::new(2).unwrap()).unwrap();
    let read = |rows: &Preprocessed<'_, _>, start: usize, n: usize| {
        let mut out = vec![0.0; n * 12];
        rows.read_finite(start, &mut out, &mut RowBuffer::default()).unwrap();
        out
    };
    for (start, n) in [(0, 1), (0, 3000), (2999, 1), (17, 31), (5, 1), (0, 1024), (1000, 1900), (7, 0)] {
        assert_eq!(read(&computed, start, n), read(&kept, start, n), "{n} rows from {start}");
    }
    assert_eq!(kept.weights(), computed.weights());
    held[[77, 3]] = f32::NAN;
    let rows = Preprocessed::new(&held, &steps[..1]).unwrap();
    let error = rows.keep(&Threads::one()).unwrap_err().to_string();
    assert!(error.contains("row 5, column 3 is NaN"), "{error}");
}

/// Rows that count how often they are read, in memory or not.
struct Counted(Array2<f64>, bool, AtomicUsize);

impl Source for Counted {
    type Real = f64;

    fn n_rows(&self) -> usize {
        self.0.nrows()
    }

    fn dim(&self) -> usize {
        self.0.ncols()
    }

    fn read(&self, start: usize, out: &mut [f64], spare: &mut RowBuffer<f64>) -> fishervec::Result<()> {
        self.2.fetch_add(out.len() / self.dim(), Ordering::Relaxed);
        self.0.read(start, out, spare)
    }

    fn is_stored(&self) -> bool {
        self.1
    }
}

#[test]
fn a_fit_preprocesses_rows_in_memory_once_and_keeps_none_that_are_stored() {
    let all = rows(&mixture(3, 5, 1), 1500, 2);
    let fit = |is_stored| {
        let source = Counted(all.clone(), is_stored, AtomicUsize::new(0));
        let fitted = Pipeline::builder()
            .row_norm(RowNorm::L2)
            .fisher(GaussianMixture::builder(3).max_iter(5).tol(0.0))
            .fit(&Concat::new(&[&source]).unwrap());
        (fitted.unwrap(), source.2.into_inner())
    };
    let ((kept, once), (stored, each_time)) = (fit(false), fit(true));
    assert_eq!(kept.to_bytes().unwrap(), stored.to_bytes().unwrap());
    assert_eq!(once, 1500);
    assert!(each_time >= 6 * 1500, "{each_time}");
}

/// A row that is only found to be wrong later, far from where it was read, is still named as the user knows
/// it.
#[test]
fn a_row_out_of_range_is_named_wherever_it_is_met() {
    let near = mixture(3, 3, 1);
    let mut sets: Vec<Array2<f64>> = (0..4).map(|seed| rows(&near, 60, seed)).collect();
    sets[2][[17, 1]] = 1e300;
    let expected = "set 2: row 17 is too far";
    let named = |error: Error| {
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(matches!(error.cause(), Error::OutOfRange { row: 17 }), "{error}");
    };
    let concat = Concat::new(&sets).unwrap();
    let (one, workspace) = (Threads::one(), Workspace::default());
    named(near.accumulate(&concat, None, &one, &workspace).unwrap_err());
    named(near.score_samples(&concat, &one).unwrap_err());
    named(near.accumulate(&Preprocessed::new(&concat, &[]).unwrap(), None, &one, &workspace).unwrap_err());
    // A fit to a sample of the rows.
    let start = GaussianMixture::builder(3).init(Init::Given(near.clone()));
    let mut met = 0;
    for seed in 0..8 {
        let params = Pipeline::builder().fisher(start.clone()).sample(Some(200)).seed(seed);
        if let Err(error) = params.fit_sets(&sets, &mut Context::new()) {
            named(error);
            met += 1;
        }
    }
    assert!(met > 3, "{met}");
    // A pyramid sorts the rows by their cell.
    let steps = vec![Step::PositionColumns(1)];
    let pyramid = Pyramid::new("1,3".parse().unwrap(), vec![-2.0], vec![2.0]).unwrap();
    let fisher = FisherVector::new(mixture(3, 2, 1)).into();
    let pyramid = Pipeline::with_cells(3, steps, Some(pyramid), fisher).unwrap();
    named(pyramid.encode_all(&sets).unwrap_err());
    let error = pyramid.encode(&sets[2]).unwrap_err();
    assert!(matches!(error, Error::OutOfRange { row: 17 }), "{error}");
}

/// A source of one's own that is a part of another says so.
#[test]
fn a_source_of_ones_own_can_locate_errors() {
    struct Tail<'a>(&'a Array2<f64>, usize);
    impl Source for Tail<'_> {
        type Real = f64;
        fn n_rows(&self) -> usize {
            self.0.nrows() - self.1
        }
        fn dim(&self) -> usize {
            self.0.ncols()
        }
        fn read(&self, start: usize, out: &mut [f64], spare: &mut RowBuffer<f64>) -> fishervec::Result<()> {
            self.0.read(start + self.1, out, spare)
        }
        fn locate(&self, error: Error) -> Error {
            error.map_row(|row| row + self.1)
        }
    }
    let near = mixture(3, 3, 1);
    let mut x = rows(&near, 60, 0);
    for (bad, text) in [(1e300, "row 50 is too far"), (f64::NAN, "row 50, column 2 is NaN")] {
        x[[50, 2]] = bad;
        let error = near.accumulate(&Tail(&x, 13), None, &Threads::one(), &Workspace::default()).unwrap_err();
        assert!(error.to_string().starts_with(text), "{error}");
        let error = Error::Interrupted.map_row(|row| row + 1);
        assert!(matches!(error, Error::Interrupted));
    }
}
