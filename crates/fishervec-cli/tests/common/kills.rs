//! What runs that are killed and damaged share.

use std::fs;
use std::path::Path;
use std::process::{Child, Output};
use std::time::Duration;

/// The largest number of kills before a run is left alone.
pub(crate) const MOST: usize = 6;

/// Numbers in [0, 1) that are the same in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }
}

/// The number of kills, or of runs, that `FISHERVEC_KILLS` asks for.
pub(crate) fn asked(otherwise: usize) -> usize {
    std::env::var("FISHERVEC_KILLS").map_or(otherwise, |number| number.parse().unwrap())
}

/// What a run said, which must end well.
pub(crate) fn told(child: Child) -> String {
    let done = child.wait_with_output().unwrap();
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{told}");
    told
}

/// Kills a run at a random moment of the first seven tenths of `full` seconds.
pub(crate) fn kill(mut child: Child, full: f64, random: &mut Random) -> Output {
    std::thread::sleep(Duration::from_secs_f64(0.7 * full * random.uniform()));
    child.kill().unwrap();
    child.wait_with_output().unwrap()
}

/// Cuts a file short, or overwrites three of its bytes; whether it was there and is another one now.
pub(crate) fn damage(path: &Path, random: &mut Random) -> bool {
    let Ok(mut bytes) = fs::read(path) else { return false };
    if bytes.is_empty() {
        return false;
    }
    let before = bytes.clone();
    match random.below(2) {
        0 => bytes.truncate(random.below(bytes.len())),
        _ => {
            for _ in 0..3 {
                let at = random.below(bytes.len());
                bytes[at] = random.below(256) as u8;
            }
        }
    }
    fs::write(path, &bytes).unwrap();
    bytes != before
}
