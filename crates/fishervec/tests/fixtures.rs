//! Model files that load for ever, and the vectors they encode: `testdata/models`.
//!
//! Each model file was written once, by the version whose schema it has, and is never written again.
//! `digests.json` holds one XXH3 of the bits of its vectors per instruction set, `vectors.json` the vectors
//! themselves. A digest changes only under "Changed" in the changelog, with the difference measured.
//!
//! `FISHERVEC_WRITE_FIXTURES=1` makes the first test add what is missing for the instruction set it runs on;
//! it overwrites nothing.

use fishervec::data::{Element, Real};
use fishervec::encode::{
    Block, Convention, EncoderParams, FisherParams, Gradients, H2T, Information, LayoutParams, LearnCodebook,
    Norm, PoolingParams, Sign,
};
use fishervec::image::{Augment, Color, DenseSiftParams, Image, ImageParams, LocalFeatures};
use fishervec::mixture::{GaussianMixtureParams, Init, KMeans};
use fishervec::pipeline::PipelineParams;
use fishervec::preprocess::{PcaParams, RowNorm};
use fishervec::run::{Isa, Threads, Workspace};
use fishervec::{BagOfWords, Context, Encode, GaussianMixture, Pipeline, Statistics, Vlad};
use ndarray::{Array2, s};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

const COLUMNS: usize = 6;
/// Rows of the sets: none, one, few, and more than a chunk.
const SIZES: [usize; 4] = [0, 1, 37, 1500];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/models")
}

/// Numbers that no library draws: the same on every machine, in clusters of different widths.
fn rows(n: usize, seed: u64) -> Array2<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    Array2::from_shape_fn((n, COLUMNS), |(i, j)| {
        let cluster = (i * 7 + 3) % 5;
        let bell = next() + next() + next() + next() - 2.0;
        match j {
            4 | 5 => next(),
            _ => ((cluster * (j + 2)) % 7) as f64 + bell * (1.0 + 0.8 * ((cluster + j) % 3) as f64),
        }
    })
}

fn sets() -> Vec<Array2<f64>> {
    SIZES.iter().zip(1..).map(|(n, seed)| rows(*n, seed)).collect()
}

fn image(seed: usize) -> Image {
    let (width, height) = (56, 44);
    let pixels: Vec<f32> = (0..width * height * 3)
        .map(|i| {
            let (x, y, c) = (i / 3 % width, i / 3 / width, i % 3);
            let wave = (x * (3 + seed) + y * 5 + c * 11) % 32;
            let block = if (x / 9 + y / 7 + seed).is_multiple_of(2) { 16 } else { 0 };
            (wave + block) as f32 / 48.0
        })
        .collect();
    Image::new(&pixels, width, height, 3, Color::Grey).unwrap()
}

fn mixture(n_components: usize) -> GaussianMixtureParams {
    GaussianMixture::builder(n_components).max_iter(12).seed(3)
}

fn layout(spatial: Option<usize>, pyramid: Option<&str>) -> LayoutParams {
    LayoutParams {
        spatial: spatial.map(|c| mixture(c).into()),
        pyramid: pyramid.map(|grids| grids.parse().unwrap()),
    }
}

fn chain(encoder: impl Into<EncoderParams>) -> PipelineParams {
    Pipeline::builder().encoder(encoder.into())
}

fn fisher(k: usize, params: FisherParams) -> PipelineParams {
    chain(FisherParams { mixture: mixture(k).into(), ..params })
}

fn hard() -> LearnCodebook {
    KMeans::builder(5).into()
}

fn soft() -> LearnCodebook {
    mixture(5).into()
}

/// The settings each descriptor model was fitted by.
fn descriptor_models() -> BTreeMap<&'static str, PipelineParams> {
    let vlad = || Vlad::builder(hard());
    let bow = || BagOfWords::builder(hard());
    let with = |position_columns, layout, params: PipelineParams| PipelineParams {
        position_columns,
        layout,
        ..params
    };
    let of_convention = |convention| FisherParams { convention, ..Default::default() };
    let custom = Convention {
        name: "sanchez".into(),
        gradients: vec![Block::Variances, Block::Means].into(),
        information: Information::None,
        sign: Sign::Precision,
        ..Convention::SANCHEZ
    };
    let informed = |information| FisherParams { information: Some(information), ..FisherParams::default() };
    BTreeMap::from([
        ("fisher", fisher(8, FisherParams::default())),
        ("fisher-gist", fisher(8, of_convention(Convention::GIST))),
        ("fisher-vlfeat", fisher(8, of_convention(Convention::VLFEAT))),
        ("fisher-scikit-image", fisher(8, of_convention(Convention::SCIKIT_IMAGE))),
        ("fisher-custom", fisher(8, of_convention(custom))),
        (
            "fisher-choices",
            fisher(
                8,
                FisherParams {
                    gradients: Some(Gradients::new(&[Block::Variances, Block::Weights]).unwrap()),
                    power: 0.3,
                    norm: Norm::IntraL2,
                    threshold: Some(0.0),
                    ..FisherParams::default()
                },
            ),
        ),
        (
            "fisher-steps",
            PipelineParams {
                position_columns: 2,
                rows: RowNorm::RootSift,
                pca: Some(PcaParams { n_components: 3, whiten: true }),
                ..fisher(8, FisherParams::default())
            },
        ),
        ("fisher-empirical", fisher(4, informed(Information::Empirical))),
        ("fisher-empirical-centred", fisher(4, informed(Information::EmpiricalCentred))),
        ("fisher-spatial", with(2, layout(Some(3), None), fisher(4, FisherParams::default()))),
        ("fisher-spatial-gist", with(2, layout(Some(1), None), fisher(4, of_convention(Convention::GIST)))),
        ("fisher-pyramid", with(2, layout(None, Some("1x1,2x2,1x3")), fisher(4, FisherParams::default()))),
        (
            "fisher-spatial-pyramid",
            with(2, layout(Some(2), Some("1x1,2x2")), fisher(4, informed(Information::Empirical))),
        ),
        ("pooling", chain(PoolingParams::default())),
        ("vlad-hard", chain(vlad())),
        ("vlad-hard-mass", chain(vlad().mass(true))),
        ("vlad-hard-residual", chain(vlad().residual(true))),
        ("vlad-soft", chain(Vlad::builder(soft()))),
        ("vlad-pyramid", with(2, layout(None, Some("1x1,2x2")), chain(vlad()))),
        ("h2t", chain(H2T::builder(hard()))),
        ("bow-hard", chain(bow())),
        ("bow-soft", chain(BagOfWords::builder(soft()))),
        ("bow-spatial", with(2, layout(Some(2), None), chain(bow()))),
        ("bow-empirical", chain(BagOfWords::builder(soft()).information(Some(Information::Empirical)))),
    ])
}

/// The settings each image model was fitted by.
fn image_models() -> BTreeMap<&'static str, (ImageParams, PipelineParams)> {
    let dsift = ImageParams {
        features: LocalFeatures::Dsift(DenseSiftParams { bins: vec![4, 6], step: 6, ..Default::default() }),
        color: Color::Grey,
        max_side: 0,
        augment: Augment::Xy,
    };
    let patches = ImageParams {
        features: LocalFeatures::Patches { size: 4, step: 3 },
        augment: Augment::None,
        ..dsift.clone()
    };
    let sift = fisher(3, Default::default()).position_columns(2).row_norm(RowNorm::RootSift).pca(5);
    let plain = fisher(4, Default::default()).pca(4);
    BTreeMap::from([("images-dsift", (dsift, sift)), ("images-patches", (patches, plain))])
}

fn fit(params: &PipelineParams, all: &Array2<f64>) -> Pipeline {
    let pipeline = params.fit(all).unwrap();
    if pipeline.information_fit(0).is_none() {
        return pipeline;
    }
    let sets: Vec<_> = (30..40).map(|seed| rows(60, seed)).collect();
    pipeline.learn_information(&sets, 10, 0, &mut Context::new()).unwrap().0
}

/// The model file of that name; written first if it is missing and may be.
fn model(name: &str, write: bool, make: impl FnOnce() -> Pipeline) -> Pipeline {
    let path = folder().join(format!("{name}.safetensors"));
    if write && !path.exists() {
        make().save(&path).unwrap();
    }
    let pipeline = Pipeline::load(&path).unwrap();
    let bytes = pipeline.to_bytes().unwrap();
    assert!(
        bytes == std::fs::read(&path).unwrap(),
        "{name}: read and written again, the file has other bytes"
    );
    assert_eq!(Pipeline::from_bytes(&bytes).unwrap(), pipeline, "{name}: written and read again");
    pipeline
}

struct Encoded {
    digest: String,
    vectors: Vec<Vec<f64>>,
    /// The exponent of their entries: near zero it magnifies rounding, so it is undone before they are
    /// compared.
    power: f64,
}

fn encode<F: Real + Element<Real = F>>(pipeline: &Pipeline, sets: &[Array2<F>]) -> Encoded {
    let threads = Threads::new(2).unwrap();
    let vectors = pipeline.encode_all_with(sets, &threads, &Workspace::default()).unwrap();
    // Exact for both types, so that one kind of bits is hashed.
    let vectors: Vec<Vec<f64>> =
        vectors.outer_iter().map(|vector| vector.iter().map(|x| x.to_f64()).collect()).collect();
    let bytes: Vec<u8> = vectors.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    let power = pipeline.encoder().normalization().power;
    Encoded { digest: format!("{:016x}", xxh3_64(&bytes)), vectors, power }
}

/// Everything the fixtures say: digests by key, and the vectors.
fn everything(write: bool) -> BTreeMap<String, Encoded> {
    let mut out = BTreeMap::new();
    let (all, double) = (rows(2500, 77), sets());
    let single: Vec<Array2<f32>> = double.iter().map(|set| set.mapv(|x| x as f32)).collect();
    for (name, params) in descriptor_models() {
        let pipeline = model(name, write, || fit(&params, &all));
        out.insert(format!("{name}/f64"), encode(&pipeline, &double));
        out.insert(format!("{name}/f32"), encode(&pipeline, &single));
        // The statistics of a set, which other machines and versions read.
        if pipeline.position_columns() == 0 && pipeline.pyramid().is_none() && name.contains("fisher") {
            let one = Threads::one();
            let statistics = pipeline.encoder().accumulate(&double[2], &one, &Workspace::default()).unwrap();
            let mut vector = vec![0.0; pipeline.output_dim()];
            let bytes = statistics.to_bytes().unwrap();
            let again = Statistics::from_bytes(&bytes).unwrap();
            pipeline.encoder().encode_statistics(&again, &mut vector).unwrap();
            assert_eq!(vector, out[&format!("{name}/f64")].vectors[2], "{name}: through statistics");
        }
    }
    for (name, (images, params)) in image_models() {
        let features = |seed| images.features(&image(seed)).unwrap().view().rows().to_owned();
        let pipeline = model(name, write, || {
            let blocks: Vec<_> = (0..4).map(features).collect();
            let views: Vec<_> = blocks.iter().map(|block| block.view()).collect();
            let all = ndarray::concatenate(ndarray::Axis(0), &views).unwrap().mapv(f64::from);
            fit(&params, &all).with_images(images.clone()).unwrap()
        });
        assert_eq!(pipeline.images(), Some(&images), "{name}");
        out.insert(format!("{name}/f32"), encode(&pipeline, &[features(0), features(9)]));
    }
    // What a fit learns: its parameters in the place of a vector.
    let fits = [
        ("fit-kmeans-start", mixture(6)),
        ("fit-plus-plus", mixture(6).init(Init::PlusPlus)),
        ("fit-random", mixture(6).init(Init::RandomRows).n_init(2)),
    ];
    for (name, params) in fits {
        let fits = [("f64", params.fit(&all)), ("f32", params.fit(&all.mapv(|x| x as f32)))];
        for (real, gmm) in fits.map(|(real, fit)| (real, fit.unwrap())) {
            let numbers = gmm.weights().into_iter().chain(gmm.means()).chain(gmm.covariances());
            out.insert(format!("{name}/{real}"), of_numbers(numbers.copied().collect()));
        }
    }
    let fit = KMeans::builder(6).seed(5).fit(&all.slice(s![.., ..4])).unwrap();
    out.insert("fit-kmeans/f64".into(), of_numbers(fit.centres.iter().copied().collect()));
    out
}

fn of_numbers(numbers: Vec<f64>) -> Encoded {
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    Encoded { digest: format!("{:016x}", xxh3_64(&bytes)), vectors: vec![numbers], power: 1.0 }
}

fn read(name: &str) -> Map<String, Value> {
    let text = std::fs::read_to_string(folder().join(name)).unwrap_or_else(|_| "{}".into());
    let Value::Object(object) = serde_json::from_str(&text).unwrap() else { panic!("{name}: no object") };
    object
}

#[test]
fn models_keep_their_bits() {
    let write = std::env::var_os("FISHERVEC_WRITE_FIXTURES").is_some();
    let level = Isa::active().name();
    let (mut digests, mut vectors) = (read("digests.json"), read("vectors.json"));
    let mut wrong = Vec::new();
    // The largest difference to the vectors on record, by kind: what a meant change of bits is reported with.
    let mut differences: BTreeMap<String, f64> = BTreeMap::new();
    for (key, encoded) in everything(write) {
        let known = digests.entry(&key).or_insert_with(|| json!({}));
        if write && known.get(level).is_none() {
            known[level] = json!(encoded.digest);
        }
        if known[level] != json!(encoded.digest) {
            wrong.push(format!("{key}: expected {}, got {}", known[level], encoded.digest));
        }
        let expected = vectors.entry(&key).or_insert_with(|| json!(encoded.vectors));
        let expected: Vec<Vec<f64>> = serde_json::from_value(expected.clone()).unwrap();
        // A fit takes many steps, each of which rounds; an encoding is one.
        let tolerance = match (key.starts_with("fit"), key.ends_with("f64")) {
            (true, true) => 1e-9,
            (true, false) => 1e-3,
            (false, true) => 1e-12,
            (false, false) => 2e-6,
        };
        let without_power = |vector: &Vec<f64>| -> Vec<f64> {
            vector.iter().map(|x| x.abs().powf(1.0 / encoded.power).copysign(*x)).collect()
        };
        for (i, (expected, got)) in expected.iter().zip(&encoded.vectors).enumerate() {
            let (expected, got) = (without_power(expected), without_power(got));
            let largest = expected.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
            assert_eq!(expected.len(), got.len(), "{key}: length of vector {i}");
            let error = expected.iter().zip(&got).map(|(a, b)| (a - b).abs()).fold(0.0_f64, f64::max);
            assert!(error <= tolerance * largest, "{key}: vector {i} is off by {error:e} of {largest:e}");
            let kind = if key.starts_with("fit") { "fits" } else { "encodings" };
            let kind = format!("{kind} in {}", key.rsplit('/').next().unwrap_or_default());
            let difference = differences.entry(kind).or_default();
            *difference = difference.max(if largest > 0.0 { error / largest } else { 0.0 });
        }
    }
    if write {
        for (name, object) in [("digests.json", &digests), ("vectors.json", &vectors)] {
            // One line per key: a change of one number is a change of one line.
            let lines: Vec<String> =
                object.iter().map(|(key, value)| format!("{:?}: {value}", key)).collect();
            std::fs::write(folder().join(name), format!("{{\n{}\n}}\n", lines.join(",\n"))).unwrap();
        }
    }
    println!("{level}: differences of at most {differences:?} of a vector's largest entry");
    assert!(wrong.is_empty(), "{level}:\n{}", wrong.join("\n"));
}

#[test]
fn on_every_instruction_set_of_this_machine() {
    let program = std::env::current_exe().unwrap();
    for level in Isa::available() {
        let mut command = std::process::Command::new(&program);
        command.args(["--exact", "models_keep_their_bits"]).env("FISHERVEC_SIMD", level.name());
        let done = command.env_remove("FISHERVEC_WRITE_FIXTURES").output().unwrap();
        let told = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && told.contains("1 passed"), "{}: {told}", level.name());
    }
}
