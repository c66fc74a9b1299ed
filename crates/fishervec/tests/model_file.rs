//! Model files: exact round trips, the same bytes, and a typed error for every way a file can be bad.

mod common;

use common::*;
use fishervec::encode::{EncoderParams, FisherParams, Information, Norm, PoolingParams};
use fishervec::preprocess::RowNorm;
use fishervec::run::Threads;
use fishervec::{Error, FisherVector, GaussianMixture, Pipeline, Statistics};
use proptest::prelude::*;
use serde_json::{Value, json};

fn fitted(encoder: impl Into<EncoderParams>) -> Pipeline {
    let x = rows(&mixture(4, 6, 1), 300, 2);
    Pipeline::builder().row_norm(RowNorm::L2).pca(3).encoder(encoder.into()).fit(&x).unwrap()
}

/// Settings of a Fisher vector whose mixture of 4 components is to be fitted.
fn of_four() -> FisherParams {
    FisherVector::builder(GaussianMixture::builder(4))
}

fn fisher() -> Pipeline {
    fitted(of_four().threshold(Some(1e-5)))
}

/// A file's header as JSON, and its tensors' bytes.
type File = (Value, Vec<u8>);

fn open(bytes: &[u8]) -> File {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + length]).unwrap(), bytes[8 + length..].to_vec())
}

fn close((header, data): &File) -> Vec<u8> {
    let header = header.to_string().into_bytes();
    [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
}

fn settings(header: &Value) -> Value {
    serde_json::from_str(header["__metadata__"]["fishervec"].as_str().unwrap()).unwrap()
}

/// The model with its settings changed.
fn with_settings(pipeline: &Pipeline, change: impl Fn(&mut Value)) -> Vec<u8> {
    let mut file = open(&pipeline.to_bytes().unwrap());
    let mut settings = settings(&file.0);
    change(&mut settings);
    file.0["__metadata__"]["fishervec"] = Value::from(settings.to_string());
    close(&file)
}

fn message(bytes: &[u8]) -> String {
    Pipeline::from_bytes(bytes).unwrap_err().to_string()
}

#[test]
fn a_model_comes_back_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let pooling = PoolingParams { power: 0.3, norm: Norm::IntraL2 };
    for pipeline in [fisher(), fitted(pooling)] {
        pipeline.save(&path).unwrap();
        let loaded = Pipeline::load(&path).unwrap();
        assert_eq!(loaded.to_bytes().unwrap(), std::fs::read(&path).unwrap());
        let x = rows(&mixture(4, 6, 3), 50, 4);
        assert_eq!(loaded.encode(&x).unwrap(), pipeline.encode(&x).unwrap());
        assert_eq!(loaded.fit_report(), pipeline.fit_report());
    }
}

#[test]
fn the_file_is_laid_out_as_documented() {
    let (header, _) = open(&fisher().to_bytes().unwrap());
    let settings = settings(&header);
    assert_eq!(settings["schema"], 1);
    assert_eq!(settings["dim"], 6);
    assert_eq!(settings["steps"][0], json!({"kind": "rows", "norm": "l2"}));
    let total = settings["steps"][1]["total_variance"].as_f64().unwrap();
    assert_eq!(settings["steps"][1], json!({"kind": "pca", "total_variance": total, "whiten": false}));
    let encoder = json!({
        "kind": "fisher", "convention": "sanchez", "gradients": "w,m,v", "information": "closed-form",
        "power": 0.5, "norm": "l2", "threshold": 1e-5,
    });
    assert_eq!(settings["encoder"], encoder);
    let shapes = [
        ("weights", json!([4])),
        ("means", json!([4, 3])),
        ("covariances", json!([4, 3])),
        ("pca.mean", json!([6])),
        ("pca.components", json!([3, 6])),
        ("pca.explained_variance", json!([3])),
    ];
    for (name, shape) in shapes {
        assert_eq!((&header[name]["dtype"], &header[name]["shape"]), (&json!("F64"), &shape), "{name}");
    }
}

#[test]
fn an_empirical_information_is_part_of_the_model() {
    for information in [Information::Empirical, Information::EmpiricalCentred] {
        let pipeline = fitted(of_four().information(Some(information)));
        let sets: Vec<_> = (0..5).map(|i| rows(&common::mixture(4, 6, 1), 30 * i, 60 + i as u64)).collect();
        let mut fit = pipeline.information_fit(sets.len()).unwrap();
        for set in &sets {
            pipeline.add_information(&mut fit, set, &Threads::one(), &Default::default()).unwrap();
        }
        assert_eq!(fit.n_sets(), 4, "the empty set does not count");
        let pipeline = pipeline.with_information(fit).unwrap();
        let loaded = Pipeline::from_bytes(&pipeline.to_bytes().unwrap()).unwrap();
        assert_eq!(loaded.to_bytes().unwrap(), pipeline.to_bytes().unwrap());
        let (header, _) = open(&pipeline.to_bytes().unwrap());
        assert_eq!(header["information.scale"]["shape"], json!([pipeline.output_dim()]));
    }
}

#[test]
fn bad_settings_are_named() {
    let pipeline = fisher();
    let unknown = Pipeline::from_bytes(&with_settings(&pipeline, |s| s["schema"] = json!(2))).unwrap_err();
    assert!(matches!(unknown, Error::Version { expected: 1, got: 2, .. }), "{unknown}");
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 16] = [
        (|s| s["schema"] = json!("1"), "no schema version"),
        (|s| s["more"] = json!(1), "unknown field `more`"),
        (|s| s["dim"] = json!(-6), "invalid value"),
        (|s| s["dim"] = json!(7), "expected 6, got 7"),
        (|s| s["steps"] = json!([]), "unexpected tensor \"pca.components\""),
        (|s| s["steps"][1]["kind"] = json!("lda"), "unknown variant `lda`"),
        (|s| s["encoder"]["kind"] = json!("cnn"), "unknown kind \"cnn\""),
        (|s| s["encoder"]["mixture"] = json!({}), "unknown field `mixture`"),
        (|s| s["encoder"]["gradients"] = json!(null), "gradients must not be null"),
        (|s| s["encoder"]["more"] = json!(1), "unknown field `more`"),
        (|s| s["encoder"]["power"] = json!("half"), "string \"half\""),
        (
            |s| {
                s["encoder"].as_object_mut().unwrap().remove("norm");
            },
            "missing field `norm`",
        ),
        (|s| s["encoder"]["norm"] = json!("l3"), "norm: expected one of none, l2, intra+l2, got \"l3\""),
        (|s| s["encoder"]["power"] = json!(0), "power: expected a finite number above 0"),
        (|s| s["encoder"]["threshold"] = json!(2), "threshold: expected a number from 0 to 1"),
        (|s| s["encoder"]["convention"] = json!("mine"), "convention: expected one of"),
    ];
    for (change, expected) in cases {
        let message = message(&with_settings(&pipeline, change));
        assert!(message.contains(expected), "{message} without {expected}");
    }
}

#[test]
fn bad_tensors_are_named() {
    let good = open(&fisher().to_bytes().unwrap());
    let altered = |change: &dyn Fn(&mut File)| {
        let mut file = good.clone();
        change(&mut file);
        message(&close(&file))
    };
    let at = |name: &str| good.0[name]["data_offsets"][0].as_u64().unwrap() as usize;
    let put = |name: &'static str, value: f64| {
        let from = at(name);
        altered(&move |file| file.1[from..from + 8].copy_from_slice(&value.to_le_bytes()))
    };
    assert!(put("means", f64::NAN).contains("tensor \"means\" holds NaN at position 0"));
    assert!(put("pca.mean", f64::INFINITY).contains("tensor \"pca.mean\" holds inf at position 0"));
    assert!(put("covariances", -1.0).contains("covariances: expected finite numbers above 0"));
    assert!(put("weights", 0.9).contains("weights: expected a sum of 1"));
    let renamed = altered(&|file| {
        let tensor = file.0.as_object_mut().unwrap().remove("means").unwrap();
        file.0["meens"] = tensor;
    });
    assert!(renamed.contains("no tensor \"means\""), "{renamed}");
    let shape = altered(&|file| file.0["means"]["shape"] = json!([3, 4]));
    assert!(shape.contains("weights: expected 3, got 4"), "{shape}");
    let axes = altered(&|file| file.0["means"]["shape"] = json!([12]));
    assert!(axes.contains("tensor \"means\": expected F64 of 2 axes, got F64 of shape [12]"), "{axes}");
    let dtype = altered(&|file| file.0["means"]["dtype"] = json!("I64"));
    assert!(dtype.contains("expected F64 of 2 axes, got I64"), "{dtype}");
    let huge = altered(&|file| file.0["means"]["shape"] = json!([u64::MAX, u64::MAX]));
    assert!(huge.starts_with("not a valid model"), "{huge}");
    let no_key = altered(&|file| file.0["__metadata__"] = json!({"format": "pt"}));
    assert!(no_key.contains("no metadata key \"fishervec\""), "{no_key}");
    let left_over = with_settings(&fisher(), |s| {
        s["steps"] = json!([]);
        s["dim"] = json!(3);
    });
    assert!(message(&left_over).contains("unexpected tensor \"pca.components\""), "{}", message(&left_over));
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.safetensors");
    let error = Pipeline::load(&path).unwrap_err();
    assert!(matches!(&error, Error::Io { path: named, .. } if *named == path), "{error}");
    std::fs::write(&path, b"{}").unwrap();
    let text = Pipeline::load(&path).unwrap_err().to_string();
    assert!(text.contains("none.safetensors: not a valid model"), "{text}");
}

#[test]
fn statistics_come_back_to_the_last_bit() {
    let mixture = mixture(4, 6, 5);
    let x = rows(&mixture, 100, 6);
    let statistics = statistics(&mixture, x.view(), Some(1e-3));
    let bytes = statistics.to_bytes().unwrap();
    assert_eq!(Statistics::from_bytes(&bytes).unwrap(), statistics);
    assert!(Statistics::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    assert!(Statistics::from_bytes(&fisher().to_bytes().unwrap()).is_err());
    assert!(message(&bytes).contains("no metadata key"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Cut anywhere, or with any byte changed: an error or a valid model, never a panic.
    #[test]
    fn damaged_files_never_panic(cut in 0..4000_usize, at in 0..4000_usize, byte in any::<u8>()) {
        thread_local!(static GOOD: Vec<u8> = fisher().to_bytes().unwrap());
        let good = GOOD.with(Clone::clone);
        if cut < good.len() {
            prop_assert!(Pipeline::from_bytes(&good[..cut]).is_err());
        }
        let mut bad = good.clone();
        let at = at % bad.len();
        bad[at] = byte;
        if let Ok(pipeline) = Pipeline::from_bytes(&bad) {
            let x = ndarray::Array2::from_shape_fn((3, pipeline.input_dim()), |(i, j)| (i + 2 * j) as f32);
            if let Ok(out) = pipeline.encode(&x) {
                prop_assert!(out.iter().all(|x| x.is_finite()));
            }
        }
    }
}

#[test]
fn a_note_of_a_binding_is_kept_and_changes_nothing() {
    let plain = fisher();
    assert_eq!(plain.estimator(), None);
    let noted = plain.clone().with_estimator(r#"{"params": {"n_jobs": null}, "class": "X"}"#).unwrap();
    let bytes = noted.to_bytes().unwrap();
    assert_eq!(bytes, noted.to_bytes().unwrap());
    let again = Pipeline::from_bytes(&bytes).unwrap();
    assert_eq!(again.to_bytes().unwrap(), bytes);
    assert_eq!(again.estimator().as_deref(), Some(r#"{"class":"X","params":{"n_jobs":null}}"#));
    let x = rows(&mixture(4, 6, 1), 50, 3);
    assert_eq!(again.encode(&x).unwrap(), plain.encode(&x).unwrap());
    assert!(matches!(plain.with_estimator("{"), Err(Error::Format { format: "estimator", .. })));
}
