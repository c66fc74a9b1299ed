//! Statistics as the bytes of a safetensors file.

use crate::error::{Error, Result};
use crate::mixture::Statistics;
use crate::util::tensors::{SCHEMA, TensorFile, Tensors};
use serde::{Deserialize, Serialize};

/// The metadata key of statistics.
const STATISTICS_KEY: &str = "fishervec-statistics";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatisticsSettings {
    schema: u64,
    mixture: String,
    n: f64,
    log_likelihood: f64,
    largest: f64,
    dropped: f64,
}

impl Statistics {
    /// The statistics as the bytes of a safetensors file: tensors `s0`, `z1`, `z2`, and in the metadata the
    /// scalars and the mixture's identity. The bytes of any machine load on any other.
    ///
    /// # Errors
    /// [`Error::Format`] if they are larger than safetensors can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = Tensors::default();
        tensors.add("s0", self.s0().shape(), self.s0());
        tensors.add("z1", self.z1.shape(), &self.z1);
        tensors.add("z2", self.z2.shape(), &self.z2);
        let settings = StatisticsSettings {
            schema: SCHEMA,
            mixture: format!("{:016x}", self.mixture),
            n: self.n,
            log_likelihood: self.log_likelihood,
            largest: self.largest,
            dropped: self.dropped,
        };
        tensors.to_bytes("statistics", STATISTICS_KEY, &settings)
    }

    /// Reads statistics from such bytes.
    ///
    /// # Errors
    /// [`Error::Version`] or [`Error::Format`], as for a model.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut file = TensorFile::open("statistics", STATISTICS_KEY, bytes)?;
        let settings: StatisticsSettings = file.settings()?;
        let (s0, z1, z2) = (file.vector("s0")?, file.matrix("z1")?, file.matrix("z2")?);
        file.finish()?;
        let mixture = u64::from_str_radix(&settings.mixture, 16);
        let mixture = mixture
            .map_err(|_| Error::format("statistics", "the mixture's identity is not a hexadecimal number"))?;
        if z1.dim() != z2.dim() || z1.nrows() != s0.len() {
            let shapes =
                format!("shapes of s0 {:?}, z1 {:?}, z2 {:?} do not match", s0.dim(), z1.dim(), z2.dim());
            return Err(Error::format("statistics", shapes));
        }
        let StatisticsSettings { n, log_likelihood, largest, dropped, .. } = settings;
        Ok(Statistics { mixture, n, log_likelihood, largest, dropped, s0: s0.to_vec(), z1, z2 })
    }
}
