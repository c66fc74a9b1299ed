//! A fit that is stopped again and again and goes on from what was kept has the bits of one that was not.
mod common;

use common::{mixture, rows};
use fishervec::encode::{BagOfWordsParams, CodebookParams, EncoderParams, VladParams};
use fishervec::mixture::{GaussianMixtureParams, KMeansParams, StepwiseParams};
use fishervec::pipeline::PipelineParams;
use fishervec::run::Keep;
use fishervec::{Context, Error, GaussianMixture, Pipeline, Result};
use ndarray::Array2;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Keeps everything, and raises a flag after a few times.
#[derive(Default)]
struct Stopping {
    kept: BTreeMap<String, Vec<u8>>,
    left: usize,
    flag: Arc<AtomicBool>,
}

impl Keep for Stopping {
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.kept.get(name).map(Vec::as_slice)
    }

    fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.kept.insert(name.to_owned(), bytes);
        self.left = self.left.saturating_sub(1);
        self.flag.store(self.left == 0, Ordering::Relaxed);
    }

    fn is_due(&self) -> bool {
        true
    }
}

/// Runs `fit` until it is not stopped any more; returns how often it was.
fn stop_again_and_again(fit: &dyn Fn(&mut Context<'_>) -> Result<Pipeline>) -> (Pipeline, usize) {
    let mut keep = Stopping::default();
    for stops in 0.. {
        keep.flag = Arc::default();
        keep.left = 2 + stops % 3;
        let flag = keep.flag.clone();
        let threads = 1 + stops % 2;
        match fit(&mut Context::new().threads(threads).interrupt(flag).keep(&mut keep)) {
            Ok(pipeline) => return (pipeline, stops),
            Err(Error::Interrupted) => {}
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!("an endless loop ends by returning")
}

fn check(name: &str, params: &PipelineParams, data: &Array2<f64>) {
    let fit = |context: &mut Context<'_>| params.fit_with(data, context);
    let expected = fit(&mut Context::new()).unwrap().to_bytes().unwrap();
    let (pipeline, stops) = stop_again_and_again(&fit);
    assert!(pipeline.to_bytes().unwrap() == expected, "{name}");
    assert!(stops > 4, "{name} was stopped {stops} times");
}

#[test]
fn every_stage_of_a_fit_goes_on() {
    let data = rows(&mixture(5, 6, 1), 60_000, 2);
    let params = GaussianMixture::builder(5).max_iter(4).tol(0.0);
    let base = Pipeline::builder();
    check("mixture", &base.clone().fisher(params.clone()), &data);
    check("projection", &base.clone().pca(3).fisher(params.clone().n_init(2)), &data);
    let random = GaussianMixtureParams { init: fishervec::mixture::Init::RandomRows, ..params.clone() };
    check("random start", &base.clone().fisher(random), &data);
    let located =
        base.clone().position_columns(2).fisher(params.clone()).spatial(GaussianMixture::builder(2));
    check("location model", &located, &data);
    let kmeans = KMeansParams { n_clusters: 5, max_iter: 6, tol: 0.0, ..KMeansParams::default() };
    let vlad = VladParams { codebook: kmeans.into(), ..VladParams::default() };
    check("centres", &base.clone().encoder(vlad.into()), &data);
    let soft =
        BagOfWordsParams { codebook: CodebookParams::Soft(params).into(), ..BagOfWordsParams::default() };
    check("soft codebook", &base.encoder(soft.into()), &data);
}

#[test]
fn a_stepwise_fit_goes_on() {
    let data = rows(&mixture(5, 6, 1), 20_000, 2);
    let sample = data.slice(ndarray::s![..3_000, ..]).to_owned();
    let params = Pipeline::builder().pca(4).fisher(GaussianMixture::builder(5));
    let schedule = StepwiseParams { step_rows: Some(1_000), passes: 2, ..StepwiseParams::default() };
    let fit = |context: &mut Context<'_>| params.fit_stepwise(&data, &sample, &schedule, context);
    let expected = fit(&mut Context::new()).unwrap();
    let (pipeline, stops) = stop_again_and_again(&fit);
    assert!(pipeline.to_bytes().unwrap() == expected.to_bytes().unwrap() && stops > 4, "{stops} stops");
    assert_eq!(pipeline.fit_report().map(|report| (report.n_iter(), report.steps)), Some((2, 40)));
    // Centres of k-means do not move stepwise.
    let vlad = PipelineParams { encoder: EncoderParams::of_kind("vlad").unwrap(), ..params.clone() };
    let error = vlad.fit_stepwise(&data, &sample, &schedule, &mut Context::new()).unwrap_err().to_string();
    assert!(error.contains("one that fits a mixture"), "{error}");
}
