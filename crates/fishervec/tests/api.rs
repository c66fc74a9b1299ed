//! The public interface: what descriptors may come as, what a model file keeps, and settings as JSON.

mod common;

use common::*;
use fishervec::data::SetList;
use fishervec::encode::{
    Assignment, BagOfWordsParams, Block, Codebook, Convention, Encoder, EncoderParams, FisherParams,
    FitEncoder, H2TParams, Information, LayoutParams, Norm, PoolingParams, Scale, Sign, VladParams,
};
use fishervec::mixture::{GaussianMixtureParams, Init, KMeans};
use fishervec::pipeline::PipelineParams;
use fishervec::preprocess::{PcaParams, RowNorm, Step};
use fishervec::run::{Threads, Workspace};
use fishervec::{
    BagOfWords, Context, Descriptors, Encode, Error, FisherVector, GaussianMixture, Pipeline, Pooling, Sets,
    Source, Vlad,
};
use ndarray::{Array1, Array2, ArrayView2, Axis};

const D: usize = 3;

/// Sets of different sizes, one of them empty.
fn arrays() -> Vec<Array2<f32>> {
    let mixture = mixture(4, D, 1);
    [40, 0, 1, 700].iter().zip(2..).map(|(n, seed)| rows(&mixture, *n, seed).mapv(|x| x as f32)).collect()
}

fn lists(array: &Array2<f32>) -> Vec<Vec<f32>> {
    array.outer_iter().map(|row| row.to_vec()).collect()
}

fn all(arrays: &[Array2<f32>]) -> Array2<f32> {
    ndarray::concatenate(Axis(0), &arrays.iter().map(|array| array.view()).collect::<Vec<_>>()).unwrap()
}

fn params() -> PipelineParams {
    Pipeline::builder().row_norm(RowNorm::L2).fisher(GaussianMixture::builder(3).max_iter(5))
}

fn pipeline() -> Pipeline {
    params().fit(&all(&arrays())).unwrap()
}

/// What is computed of a set: its vector under a given pipeline, its vector under a mixture fitted to it, and
/// the bytes of all that is fitted to it.
fn everything<S: Source<Real = f32>>(pipeline: &Pipeline, set: &S) -> (Array1<f32>, Array1<f32>, Vec<u8>) {
    let gmm = GaussianMixture::builder(3).max_iter(5).fit(set).unwrap();
    let centres = KMeans::builder(3).fit(set).unwrap().centres;
    let projection = PcaParams { n_components: 2, whiten: false }.fit(set).unwrap();
    let numbers =
        gmm.means().iter().chain(&centres).chain(projection.components()).copied().collect::<Vec<_>>();
    let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    (pipeline.encode(set).unwrap(), FisherVector::new(gmm).encode(set).unwrap(), bytes)
}

#[test]
fn rows_in_any_form_give_the_same_bits() {
    let (pipeline, array) = (pipeline(), arrays().swap_remove(3));
    let expected = everything(&pipeline, &Descriptors::new(array.view()));
    assert!(expected.0.iter().any(|x| *x != 0.0));
    let lists = lists(&array);
    let flat = array.as_slice().unwrap();
    assert_eq!(everything(&pipeline, &array), expected, "an array");
    assert_eq!(everything(&pipeline, &&array), expected, "a reference to an array");
    assert_eq!(everything(&pipeline, &array.view()), expected, "a view");
    assert_eq!(everything(&pipeline, &array.to_shared()), expected, "a shared array");
    assert_eq!(everything(&pipeline, &lists), expected, "a list of lists");
    assert_eq!(everything(&pipeline, &Descriptors::from_slice(flat, D).unwrap()), expected, "a slice");
    // Lists of another element type are converted as arrays are.
    let bytes = Array2::from_shape_fn((50, D), |(i, j)| ((i * 37 + j * 101) % 251) as u8);
    let byte_lists: Vec<Vec<u8>> = bytes.outer_iter().map(|row| row.to_vec()).collect();
    assert_eq!(pipeline.encode(&byte_lists).unwrap(), pipeline.encode(&bytes).unwrap());
}

#[test]
fn a_ragged_list_is_an_error_that_names_the_row() {
    let pipeline = pipeline();
    let ragged = vec![vec![0.5_f32, 1.0, 2.0], vec![1.0, 2.0, 3.0], vec![1.0, 2.0], vec![3.0, 4.0, 5.0]];
    let expected = "row 2: wrong dimension of the descriptor: expected 3, got 2";
    let check = |error: Error, place: &str| {
        assert!(matches!(error.cause(), Error::Dimension { expected: 3, got: 2, .. }), "{error}");
        assert_eq!(error.to_string(), format!("{place}{expected}"));
    };
    check(pipeline.encode(&ragged).unwrap_err(), "");
    check(GaussianMixture::builder(1).fit(&ragged).unwrap_err(), "");
    check(KMeans::builder(2).fit(&ragged).unwrap_err(), "");
    let sets = [lists(&arrays()[0]), ragged];
    check(pipeline.encode_all(&sets[..]).unwrap_err(), "set 1: ");
    check(params().fit_sets(&sets[..], &mut Context::new()).unwrap_err(), "set 1: ");
    // The number of columns is that of the first row; rows without columns are not an empty set.
    let narrow = vec![vec![0.5_f32, 1.0], vec![1.0, 2.0, 3.0]];
    let error = pipeline.encode(&narrow).unwrap_err();
    assert!(matches!(error, Error::Dimension { expected: 3, got: 2, .. }), "{error}");
    let nothing = vec![Vec::<f32>::new(); 9];
    let error = pipeline.encode(&nothing).unwrap_err();
    assert!(matches!(error, Error::Dimension { expected: 3, got: 0, .. }), "{error}");
    let errors = [
        GaussianMixture::builder(2).fit(&nothing).unwrap_err(),
        KMeans::builder(2).fit(&nothing).unwrap_err(),
        PcaParams { n_components: 1, whiten: false }.fit(&nothing).unwrap_err(),
        params().fit(&nothing).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::Parameter { .. } | Error::Dimension { .. }), "{error}");
    }
}

/// Pooling has no mixture whose columns are checked. A pipeline of no columns is an error or encodes to
/// nothing.
#[test]
fn a_pipeline_of_no_columns_ends() {
    let pooling = Pooling::new(0, PoolingParams::default());
    match pooling.and_then(|pooling| Pipeline::new(0, vec![], pooling.into())) {
        Ok(pipeline) => assert_eq!(pipeline.encode(&Vec::<Vec<f32>>::new()).unwrap().len(), 0),
        Err(error) => assert!(matches!(error, Error::Parameter { .. } | Error::Dimension { .. }), "{error}"),
    }
}

#[test]
fn a_slice_must_hold_whole_rows() {
    let values = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    let rows = Descriptors::from_slice(&values[..6], 3).unwrap();
    assert_eq!(rows.rows(), ArrayView2::from_shape((2, 3), &values[..6]).unwrap());
    for (dim, expected) in [(3, 6), (2, 6), (4, 4), (8, 0), (0, 0)] {
        match Descriptors::from_slice(&values, dim) {
            Err(Error::Dimension { what: "values", expected: whole, got: 7 }) => assert_eq!(whole, expected),
            other => panic!("{dim} columns: {other:?}"),
        }
    }
    let empty = Descriptors::<f32>::from_slice(&[], 3).unwrap();
    assert_eq!((empty.n_rows(), empty.dim()), (0, 3));
}

#[test]
fn an_empty_list_is_an_empty_set() {
    let (pipeline, nothing) = (pipeline(), Vec::<Vec<f32>>::new());
    let p = pipeline.output_dim();
    assert_eq!((nothing.n_rows(), nothing.dim()), (0, 0));
    assert_eq!(pipeline.encode(&nothing).unwrap(), Array1::<f32>::zeros(p));
    assert_eq!(pipeline.encode(&Array2::<f32>::zeros((0, 0))).unwrap(), Array1::<f32>::zeros(p));
    // So it is for an encoder alone.
    let gmm = mixture(2, D, 1);
    let codebook = Codebook::hard(gmm.means().to_owned()).unwrap();
    let encoders: [Encoder; 3] = [
        FisherVector::new(gmm).into(),
        BagOfWords::new(codebook).into(),
        Pooling::new(D, PoolingParams::default()).unwrap().into(),
    ];
    for encoder in encoders {
        let zeros = Array1::<f32>::zeros(encoder.output_dim());
        assert_eq!(encoder.encode(&nothing).unwrap(), zeros, "{encoder:?}");
    }
    // All that is returned is the same as for an empty set that has columns.
    let into = |set: &dyn Fn(&mut [f32]) -> fishervec::Result<fishervec::encode::Encoded>| {
        let mut out = vec![7.0; p];
        let encoded = set(&mut out).unwrap();
        (out, encoded.n_rows, encoded.mean_log_likelihood)
    };
    let (one, workspace) = (Threads::one(), Workspace::default());
    let with_columns = Array2::<f32>::zeros((0, D));
    assert_eq!(
        into(&|out| pipeline.encode_into(&nothing, out, &one, &workspace)),
        into(&|out| pipeline.encode_into(&with_columns, out, &one, &workspace)),
    );
    // The output must have the right length, as for any set.
    let short = pipeline.encode_into(&nothing, &mut vec![0.0; p - 1], &one, &workspace).unwrap_err();
    assert!(matches!(short, Error::Dimension { .. }), "{short}");
    // It has no windows, or empty ones.
    let windows = pipeline.encode_windows(&nothing, &[], &one, &workspace).unwrap();
    assert_eq!(windows.dim(), (0, p));
    let windows = pipeline.encode_windows(&nothing, &[0..0, 0..0], &one, &workspace).unwrap();
    assert_eq!(windows, Array2::<f32>::zeros((2, p)));
    // A model cannot be fitted to empty sets alone.
    let error = params().fit_sets(&vec![nothing.clone(), nothing], &mut Context::new()).unwrap_err();
    assert!(matches!(error, Error::TooFewRows { got: 0, .. }), "{error}");
    let columns = vec![Array2::<f32>::zeros((0, D)); 2];
    let error = params().fit_sets(&columns, &mut Context::new()).unwrap_err();
    assert!(matches!(error, Error::TooFewRows { got: 0, .. }), "{error}");
}

#[test]
fn an_empty_list_among_others_changes_nothing() {
    let arrays = arrays();
    let sets: Vec<Vec<Vec<f32>>> = arrays.iter().map(lists).collect();
    assert_eq!(sets[1].dim(), 0);
    // Empty lists are first, in the middle and last.
    let with_empty = [vec![vec![]], sets.clone(), vec![vec![]]].concat();
    let expected = params().fit(&all(&arrays)).unwrap();
    assert_eq!(params().fit_sets(&with_empty, &mut Context::new()).unwrap(), expected);
    let vectors = expected.encode_all(&with_empty).unwrap();
    assert_eq!(vectors.nrows(), 6);
    for (i, vector) in vectors.outer_iter().enumerate() {
        match i {
            0 | 2 | 5 => assert!(vector.iter().all(|x| *x == 0.0), "set {i}"),
            _ => assert_eq!(vector, expected.encode(&arrays[i - 1]).unwrap(), "set {i}"),
        }
    }
    // Empty lists do not count as training sets of an empirical information.
    let empirical = FisherVector::builder(expected.encoder().mixture().unwrap().clone())
        .information(Some(Information::Empirical));
    let empirical = params().encoder(empirical.into()).fit(&all(&arrays)).unwrap();
    let learn = |sets: &[Vec<Vec<f32>>]| {
        empirical.clone().learn_information(sets, 9, 0, &mut Context::new()).unwrap()
    };
    let full: Vec<_> = sets.iter().filter(|set| !set.is_empty()).cloned().collect();
    assert_eq!(learn(&with_empty), learn(&full));
    assert_eq!(learn(&with_empty).1, 3);
}

#[test]
fn lists_of_sets_in_any_form_give_the_same_bits() {
    let (pipeline, arrays) = (pipeline(), arrays());
    let flat = all(&arrays);
    let mut offsets = vec![0];
    arrays.iter().for_each(|array| offsets.push(offsets[offsets.len() - 1] + array.nrows()));
    let sets = Sets::new(flat.view(), &offsets).unwrap();
    let views: Vec<_> = arrays.iter().map(|array| array.view()).collect();
    let references: Vec<_> = arrays.iter().collect();
    let descriptors: Vec<_> = arrays.iter().map(|array| Descriptors::new(array.view())).collect();
    let nested: Vec<Vec<Vec<f32>>> = arrays.iter().map(lists).collect();

    fn run<L: SetList<Real = f32> + ?Sized>(pipeline: &Pipeline, sets: &L) -> (Array2<f32>, [Pipeline; 2]) {
        let fit = |params: PipelineParams| params.fit_sets(sets, &mut Context::new()).unwrap();
        let fits = [fit(params()), fit(params().sample(Some(100)).seed(3))];
        let vectors = pipeline.encode_all(sets).unwrap();
        let two = Threads::new(2).unwrap();
        assert_eq!(pipeline.encode_all_with(sets, &two, &Workspace::default()).unwrap(), vectors);
        (vectors, fits)
    }
    let expected = run(&pipeline, &descriptors);
    for (i, vector) in expected.0.outer_iter().enumerate() {
        assert_eq!(vector, pipeline.encode(&arrays[i]).unwrap());
    }
    assert_eq!(expected.1[0], params().fit(&flat).unwrap());
    assert_ne!(expected.1[0], expected.1[1], "a sample is not all descriptors");
    assert_eq!(run(&pipeline, &arrays), expected, "Vec<Array2>");
    assert_eq!(run(&pipeline, &arrays[..]), expected, "[Array2]");
    assert_eq!(run(&pipeline, &views), expected, "Vec<ArrayView2>");
    assert_eq!(run(&pipeline, &references), expected, "Vec<&Array2>");
    assert_eq!(run(&pipeline, &nested), expected, "Vec<Vec<Vec>>");
    assert_eq!(run(&pipeline, &sets), expected, "Sets");
    let none: Vec<Array2<f32>> = Vec::new();
    assert_eq!(pipeline.encode_all(&none).unwrap().dim(), (0, pipeline.output_dim()));
    let pair = [&arrays[0], &arrays[3]];
    let vectors = pipeline.encode_all(&pair).unwrap();
    assert_eq!(vectors, pipeline.encode_all(&pair[..]).unwrap());
}

/// Conventions that nobody publishes, under names of their own and under a known name.
fn conventions() -> [Convention; 4] {
    let own = Convention {
        name: "mine".into(),
        gradients: vec![Block::Variances, Block::Means].into(),
        information: Information::None,
        sign: Sign::Precision,
        scale: Scale::Moment,
    };
    [
        Convention { name: "yours".into(), scale: Scale::Gradient, ..own.clone() },
        Convention { name: "sanchez".into(), ..own.clone() },
        Convention { name: "theirs".into(), ..Convention::SANCHEZ },
        own,
    ]
}

#[test]
fn a_model_file_keeps_a_custom_convention() {
    let (gmm, x) = (mixture(4, D, 5), arrays().swap_remove(3));
    let location = mixture(2, 1, 6);
    let encode = |convention: Convention| {
        let params = FisherParams { convention, ..FisherParams::default() };
        FisherVector::with_params(gmm.clone(), params).unwrap().encode(&x).unwrap()
    };
    for convention in conventions() {
        let vector = encode(convention.clone());
        // Known conventions with the same blocks and information give other vectors: a name is not enough.
        for known in Convention::ALL {
            let Convention { gradients, information, .. } = convention.clone();
            let other = encode(Convention { gradients, information, ..known.clone() });
            let same = (known.sign, known.scale) == (convention.sign, convention.scale)
                || (known.sign == convention.sign && convention.information == Information::ClosedForm);
            assert_eq!(other == vector, same, "{convention} and {known}");
        }
        let params = FisherParams { convention: convention.clone(), ..FisherParams::default() };
        let fisher = FisherVector::with_params(gmm.clone(), params).unwrap();
        let spatial = fisher.clone().with_spatial(location.clone()).unwrap();
        for encoder in [fisher, spatial] {
            let dim = encoder.input_dim();
            let steps = if dim == D { vec![] } else { vec![fishervec::preprocess::Step::PositionColumns(1)] };
            let x = Array2::from_shape_fn((x.nrows(), dim), |(i, j)| x[[i, j % D]]);
            let pipeline = Pipeline::new(dim, steps, encoder.into()).unwrap();
            let bytes = pipeline.to_bytes().unwrap();
            let again = Pipeline::from_bytes(&bytes).unwrap();
            assert_eq!(again.encode(&x).unwrap(), pipeline.encode(&x).unwrap(), "{convention}");
            assert_eq!(again.to_bytes().unwrap(), bytes, "{convention}");
            let (Encoder::Fisher(before), Encoder::Fisher(after)) = (pipeline.encoder(), again.encoder())
            else {
                panic!("Fisher vectors");
            };
            let of = |fisher: &FisherVector| {
                let params = fisher.params().clone();
                let Convention { name, sign, scale, .. } = params.convention;
                (name.into_owned(), sign, scale, params.gradients, params.information)
            };
            assert_eq!(of(after), of(before));
            assert_eq!(after.params().convention.name, convention.name);
        }
    }
}

#[test]
fn a_model_file_keeps_explicit_choices_beside_a_custom_convention() {
    let x = arrays().swap_remove(3);
    for convention in conventions() {
        let params = FisherParams {
            convention: convention.clone(),
            gradients: Some("v,w".parse().unwrap()),
            information: Some(Information::ClosedForm),
            ..FisherParams::default()
        };
        let fisher = FisherVector::with_params(mixture(4, D, 5), params).unwrap();
        let pipeline = Pipeline::new(D, vec![], fisher.into()).unwrap();
        let again = Pipeline::from_bytes(&pipeline.to_bytes().unwrap()).unwrap();
        assert_eq!(again.encode(&x).unwrap(), pipeline.encode(&x).unwrap(), "{convention}");
        let Encoder::Fisher(fisher) = again.encoder() else { panic!("a Fisher vector") };
        assert_eq!(fisher.gradients().to_string(), "v,w");
        assert_eq!(fisher.params().convention.name, convention.name);
    }
}

/// The threshold is a setting of the encoder, whichever way its statistics are taken.
#[test]
fn the_threshold_of_an_encoder_holds_for_its_statistics() {
    let (gmm, x) = (mixture(8, D, 7), arrays().swap_remove(3).mapv(f64::from));
    let (one, workspace) = (Threads::one(), Workspace::default());
    let under = |gmm: &GaussianMixture, threshold| gmm.accumulate(&x, threshold, &one, &workspace).unwrap();
    assert_ne!(under(&gmm, Some(1e-2)), under(&gmm, None));
    for threshold in [None, Some(0.0), Some(1e-2), Some(1.0)] {
        let params = FisherParams { threshold, ..FisherParams::default() };
        let fisher = FisherVector::with_params(gmm.clone(), params).unwrap();
        let codebook = Codebook::soft(gmm.clone(), threshold).unwrap();
        let encoders: [Encoder; 3] =
            [fisher.into(), Vlad::new(codebook.clone()).into(), BagOfWords::new(codebook).into()];
        for encoder in encoders {
            let statistics = encoder.accumulate(&x, &one, &workspace).unwrap();
            assert_eq!(statistics, under(&gmm, threshold), "{encoder:?} {threshold:?}");
            // Encoding in two steps equals encoding in one.
            let mut vector = vec![0.0; encoder.output_dim()];
            encoder.encode_statistics(&statistics, &mut vector).unwrap();
            assert_eq!(Array1::from(vector), encoder.encode(&x).unwrap());
        }
    }
    let location = mixture(2, 1, 6);
    let params = FisherParams { threshold: Some(1e-2), ..FisherParams::default() };
    let fisher =
        FisherVector::with_params(mixture(8, D - 1, 7), params).unwrap().with_spatial(location).unwrap();
    let joint = fisher.statistics_mixture().unwrap();
    assert_eq!(fisher.accumulate(&x, &one, &workspace).unwrap(), under(joint, Some(1e-2)));
    assert_ne!(fisher.accumulate(&x, &one, &workspace).unwrap(), under(joint, None));
}

#[test]
fn a_clone_of_a_mixture_is_the_same_mixture() {
    let gmm = mixture(8, D, 8);
    let clone = gmm.clone();
    assert_eq!(clone, gmm);
    assert_eq!(clone.id(), gmm.id());
    // No parameter is copied.
    assert_eq!(clone.weights().as_ptr(), gmm.weights().as_ptr());
    assert_eq!(clone.means().as_ptr(), gmm.means().as_ptr());
    assert_eq!(clone.covariances().as_ptr(), gmm.covariances().as_ptr());
    let encoder = FisherVector::new(clone.clone());
    assert_eq!(encoder.gmm().means().as_ptr(), gmm.means().as_ptr());
    // Equality is that of the parameters, shared or not.
    let numbers = |gmm: &GaussianMixture| {
        (gmm.weights().to_owned(), gmm.means().to_owned(), gmm.covariances().to_owned())
    };
    let (weights, means, covariances) = numbers(&gmm);
    let copy = GaussianMixture::new(weights.clone(), means.clone(), covariances.clone()).unwrap();
    assert_eq!((&copy, copy.id()), (&gmm, gmm.id()));
    assert_ne!(copy.means().as_ptr(), gmm.means().as_ptr());
    assert_ne!(GaussianMixture::new(weights, means + 1.0, covariances).unwrap(), gmm);
    // A clone outlives the mixture it was made of.
    drop(gmm);
    assert_eq!(numbers(&clone), numbers(&copy));
}

#[test]
fn a_given_mixture_or_codebook_is_taken_as_it_is() {
    let (x, gmm) = (arrays().swap_remove(3), mixture(4, D, 9));
    let fitted = Pipeline::builder().fisher(gmm.clone()).fit(&x).unwrap();
    let direct = Pipeline::new(D, vec![], FisherVector::new(gmm.clone()).into()).unwrap();
    assert_eq!(fitted, direct);
    assert_eq!(fitted.fit_report(), None);
    let hard = Codebook::hard(gmm.means().to_owned()).unwrap();
    let fitted = Pipeline::builder().encoder(Vlad::builder(hard.clone()).into()).fit(&x).unwrap();
    assert_eq!(fitted.encoder(), &Encoder::from(Vlad::new(hard.clone())));
    let soft = Codebook::soft(gmm, None).unwrap();
    let soft_bag = BagOfWords::builder(soft.clone());
    let fitted = Pipeline::builder().encoder(soft_bag.into()).fit(&x).unwrap();
    assert_eq!(fitted.encoder(), &Encoder::from(BagOfWords::new(soft.clone())));
    // A threshold asked for must be that of the codebook; a mixture to be fitted is a soft codebook.
    let other = Pipeline::builder().encoder(Vlad::builder(soft).threshold(Some(0.5)).into());
    let error = other.fit(&x).unwrap_err().to_string();
    assert!(error.starts_with("threshold: expected that of the given codebook"), "{error}");
    let vlad = Vlad::builder(GaussianMixture::builder(8)).fit(&x).unwrap();
    let codebook = vlad.codebook().unwrap();
    assert_eq!((codebook.assignment(), codebook.centres().nrows()), (Assignment::Soft, 8));
}

/// Each encoder of the registry, fitted to rows of D columns, refuses rows of another number of them.
#[test]
fn every_encoder_refuses_descriptors_of_another_width() {
    let x = arrays().swap_remove(3);
    for kind in Encoder::KINDS {
        let fitted = Pipeline::builder().encoder(EncoderParams::of_kind(kind).unwrap()).fit(&x).unwrap();
        for columns in [D - 1, D + 1] {
            let other = Array2::<f32>::from_elem((5, columns), 0.5);
            for error in [fitted.encode(&other).unwrap_err(), fitted.encoder().encode(&other).unwrap_err()] {
                let right = matches!(error, Error::Dimension { expected, got, .. } if (expected, got) == (D, columns));
                assert!(right, "{kind}: {error}");
            }
        }
    }
}

#[test]
fn an_information_is_learned_only_where_it_is_empirical() {
    let error = pipeline().learn_information(&[all(&arrays())], 1, 0, &mut Context::new()).unwrap_err();
    assert_eq!(error.to_string(), "information: expected empirical or empirical-centred, got closed-form");
}

#[test]
fn a_pipeline_of_two_projections_is_refused() {
    let x = arrays().swap_remove(3);
    let pca = |n_components| PcaParams { n_components, whiten: false };
    let (first, second) = (pca(3).fit(&x).unwrap(), pca(2).fit(&x).unwrap());
    let steps = vec![Step::Pca(first.into()), Step::Pca(second.into())];
    let fisher = FisherVector::new(mixture(4, 2, 1));
    let error = Pipeline::new(D, steps, fisher.into()).unwrap_err().to_string();
    assert!(error.starts_with("steps: expected at most one projection"), "{error}");
}

#[test]
fn settings_are_the_defaults_where_json_leaves_them_out() {
    assert_eq!(PipelineParams::from_json("{}").unwrap(), PipelineParams::default());
    let defaults: [(&str, EncoderParams); 5] = [
        ("fisher", FisherParams::default().into()),
        ("pooling", PoolingParams::default().into()),
        ("vlad", VladParams::default().into()),
        ("bow", BagOfWordsParams::default().into()),
        ("h2t", H2TParams::default().into()),
    ];
    let kinds: Vec<&str> = defaults.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, Encoder::KINDS);
    for (kind, defaults) in defaults {
        let params = PipelineParams::from_json(&format!(r#"{{"encoder": {{"kind": "{kind}"}}}}"#)).unwrap();
        assert_eq!(params, Pipeline::builder().encoder(defaults.clone()));
        assert_eq!(EncoderParams::of_kind(kind).unwrap(), defaults);
        assert_eq!(defaults.kind(), kind);
    }
    let some =
        r#"{"pca": {"n_components": 7}, "layout": {"spatial": {"n_components": 2}}, "position_columns": 2}"#;
    let expected = Pipeline::builder().pca(7).position_columns(2).spatial(GaussianMixture::builder(2));
    assert_eq!(PipelineParams::from_json(some).unwrap(), expected);
}

#[test]
fn settings_come_back_from_their_json() {
    let gmm = GaussianMixtureParams {
        n_components: 5,
        tol: 1e-5,
        max_iter: 7,
        variance_floor: 0.25,
        reg_covar: 1e-6,
        threshold: Some(1e-4),
        init: Init::PlusPlus,
        n_init: 3,
        seed: u64::MAX,
    };
    let hard = KMeans::builder(9).max_iter(4).tol(0.5).seed(6);
    let fisher = FisherParams {
        mixture: gmm.clone().into(),
        convention: Convention::GIST,
        gradients: Some("v,m".parse().unwrap()),
        information: Some(Information::EmpiricalCentred),
        power: 0.3,
        norm: Norm::IntraL2,
        threshold: Some(0.125),
    };
    let vlad = VladParams {
        codebook: hard.into(),
        threshold: Some(0.0),
        mass: true,
        residual: true,
        power: 0.7,
        norm: Norm::None,
    };
    let bag = BagOfWordsParams {
        codebook: gmm.clone().into(),
        threshold: Some(1.0),
        information: Some(Information::Empirical),
        power: 2.0,
        norm: Norm::IntraL2,
    };
    let own = conventions().map(|convention| FisherParams { convention, ..fisher.clone() }.into());
    let encoders: [EncoderParams; 4] =
        [fisher.into(), vlad.into(), bag.into(), PoolingParams { power: 0.5, norm: Norm::L2 }.into()];
    for (i, encoder) in encoders.into_iter().enumerate() {
        let params = PipelineParams {
            position_columns: 2,
            rows: RowNorm::RootSift,
            steps: vec![],
            pca: Some(PcaParams { n_components: 3, whiten: true }),
            encoder,
            layout: LayoutParams {
                spatial: Some(gmm.clone().into()),
                pyramid: Some("1x1,2x2".parse().unwrap()),
            },
            sample: Some(1000),
            seed: i as u64,
        };
        let json = params.to_json().unwrap();
        let again = PipelineParams::from_json(&json).unwrap();
        assert_eq!(again, params);
        assert_eq!(again.to_json().unwrap(), json);
    }
    // The name of a custom convention and all that it sets are kept.
    for encoder in own {
        let params = Pipeline::builder().encoder(encoder);
        let again = PipelineParams::from_json(&params.to_json().unwrap()).unwrap();
        let (EncoderParams::Fisher(before), EncoderParams::Fisher(after)) = (params.encoder, again.encoder)
        else {
            panic!("Fisher vectors");
        };
        let fisher = |params: FisherParams| FisherVector::with_params(mixture(4, D, 5), params).unwrap();
        assert_eq!(after.convention.name, before.convention.name);
        let (before, after) = (fisher(before), fisher(after));
        assert_eq!(
            (after.params().gradients.as_ref(), after.information()),
            (before.params().gradients.as_ref(), before.information())
        );
        let signs =
            |fisher: &FisherVector| (fisher.params().convention.sign, fisher.params().convention.scale);
        assert_eq!(signs(&after), signs(&before));
    }
}

#[test]
fn wrong_json_is_an_error_that_names_what_is_wrong() {
    let cases = [
        (r#"{"colour": 1}"#, "unknown field `colour`"),
        (r#"{"pca": {"n_components": 2, "color": 1}}"#, "unknown field `color`"),
        (r#"{"pca": {}}"#, "missing field `n_components`"),
        (r#"{"layout": {"places": null}}"#, "unknown field `places`"),
        (r#"{"layout": {"spatial": {"components": 2}}}"#, "unknown field `components`"),
        (r#"{"layout": {"pyramid": "2x"}}"#, r#""2x""#),
        (r#"{"encoder": {"kind": "fisher", "alpha": 0.5}}"#, "unknown field `alpha`"),
        (r#"{"encoder": {"kind": "fisher", "mixture": {"k": 5}}}"#, "unknown field `k`"),
        (r#"{"encoder": {"kind": "vlad", "codebook": {"gmm": {}}}}"#, "unknown variant `gmm`"),
        (r#"{"encoder": {"kind": "vlad", "information": "none"}}"#, "unknown field `information`"),
        (r#"{"encoder": {"kind": "bow", "mass": true}}"#, "unknown field `mass`"),
        (r#"{"encoder": {"kind": "pooling", "threshold": null}}"#, "unknown field `threshold`"),
        (r#"{"encoder": {"kind": "cnn"}}"#, "unknown variant `cnn`"),
        (r#"{"encoder": {}}"#, "missing field `kind`"),
        (r#"{"encoder": {"kind": "fisher", "power": "half"}}"#, r#"string "half""#),
        (
            r#"{"encoder": {"kind": "fisher", "norm": "l3"}}"#,
            r#"norm: expected one of none, l2, intra+l2, got "l3""#,
        ),
        (r#"{"encoder": {"kind": "fisher", "convention": "mine"}}"#, "convention: expected one of sanchez"),
        (r#"{"encoder": {"kind": "fisher", "gradients": "w,x"}}"#, r#"gradients: expected some of w, m, v"#),
        (r#"{"encoder": {"kind": "fisher", "information": "all"}}"#, r#"information: expected one of"#),
        (r#"{"encoder": {"kind": "fisher", "sign": "minus"}}"#, r#"sign: expected one of"#),
        (r#"{"encoder": {"kind": "vlad", "codebook": {"firm": {}}}}"#, "unknown variant `firm`"),
        (
            r#"{"encoder": {"kind": "fisher", "mixture": {"init_params": "given"}}}"#,
            "init_params: expected one of kmeans",
        ),
        (r#"{"rows": "l7"}"#, r#"rows: expected one of none, l2, rootsift, got "l7""#),
        (r#"{"position_columns": -3}"#, "integer `-3`"),
        (r#"{"sample": 1.5}"#, "floating point `1.5`"),
        (r#"{"seed": "now"}"#, r#"string "now""#),
        (r#"{"steps": null}"#, "unknown field `steps`"),
        ("[1]", "invalid type: list"),
        (r#"{"pca": [3, true]}"#, "invalid type: list"),
        (r#"{"layout": [null, "2x2"]}"#, "invalid type: list"),
        ("{", "EOF"),
        ("", "EOF"),
    ];
    for (json, expected) in cases {
        let error = PipelineParams::from_json(json).unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{json}: {error}");
    }
    let error = EncoderParams::of_kind("cnn").unwrap_err();
    assert_eq!(error.to_string(), format!("encoder: expected one of {}, got cnn", Encoder::KINDS.join(", ")));
    // Parts that are given, and a mixture to start from, are numbers, which settings as JSON do not hold.
    let given = GaussianMixture::builder(2).init(Init::Given(mixture(2, D, 1)));
    let codebook = Codebook::hard(mixture(2, D, 1).means().to_owned()).unwrap();
    for params in [
        Pipeline::builder().fisher(given),
        Pipeline::builder().fisher(mixture(2, D, 1)),
        Pipeline::builder().encoder(Vlad::builder(codebook.clone()).into()),
        Pipeline::builder().encoder(BagOfWords::builder(codebook).into()),
        Pipeline::builder().position_columns(1).spatial(mixture(2, 1, 1)),
    ] {
        let error = params.to_json().unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{error}");
    }
}

/// A fit finds settings out of range and names them.
#[test]
fn settings_out_of_range_are_named_by_a_fit() {
    let x = arrays().swap_remove(3);
    for (encoder, name) in [
        (r#"{"kind": "fisher", "power": 0}"#, "power"),
        (r#"{"kind": "fisher", "threshold": 2}"#, "threshold"),
        (r#"{"kind": "fisher", "mixture": {"n_components": 0}}"#, "n_components"),
        (r#"{"kind": "vlad", "power": -1}"#, "power"),
        (r#"{"kind": "vlad", "codebook": {"mixture": {}}, "threshold": -1}"#, "threshold"),
        (r#"{"kind": "vlad", "mass": true, "residual": true}"#, "residual"),
        (r#"{"kind": "vlad", "codebook": {"mixture": {}}, "residual": true}"#, "residual"),
        (r#"{"kind": "vlad", "codebook": {"kmeans": {"n_clusters": 0}}}"#, "n_clusters"),
        (r#"{"kind": "bow", "power": 0}"#, "power"),
        (r#"{"kind": "pooling", "power": 0}"#, "power"),
    ] {
        let params = PipelineParams::from_json(&format!(r#"{{"encoder": {encoder}}}"#)).unwrap();
        match params.fit(&x).unwrap_err() {
            Error::Parameter { name: got, .. } => assert_eq!(got, name, "{encoder}"),
            other => panic!("{encoder}: {other}"),
        }
    }
}
