//! What the headers of a file say.

use crate::listing::Kind;
use crate::progress::counted;
use fishervec::Result;
use fishervec::image::Image;
use fishervec::io::{ArrayNames, Contents, SetFile, Stamp};
use std::path::Path;

/// What a file of that kind holds, and how it was when its headers were read.
pub(crate) fn contents(
    path: &Path,
    kind: Kind,
    names: ArrayNames<'_>,
    passed_over: &mut PassedOver,
) -> Result<(Stamp, Contents)> {
    // Before, so that a change while they are read is one afterwards.
    let stamp = Stamp::of(path);
    let contents = match kind {
        Kind::Images => {
            let (width, height) = Image::size(path)?;
            Contents::Image { width, height }
        }
        Kind::Descriptors => {
            let file = SetFile::open_arrays(path, names)?;
            passed_over.add(path, &file);
            Contents::from(&file)
        }
    };
    Ok((stamp?, contents))
}

/// Arrays that could be sets beside the one that was taken for its name.
#[derive(Debug, Default)]
pub(crate) struct PassedOver {
    /// The number of files with such arrays, and a sentence about those of the first file.
    files: usize,
    first: String,
}

impl PassedOver {
    fn add(&mut self, path: &Path, file: &SetFile) {
        if let ([_, ..], [taken, ..]) = (file.passed_over(), file.sets()) {
            if self.files == 0 {
                let (path, others) = (path.display(), file.passed_over().join(", "));
                self.first = format!("{path}: {} was read because of its name, {others} not", taken.array);
            }
            self.files += 1;
        }
    }

    /// Adds what was found in later files.
    pub(crate) fn extend(&mut self, later: PassedOver) {
        if self.files == 0 {
            self.first = later.first;
        }
        self.files += later.files;
    }

    pub(crate) fn warning(&self) -> Option<String> {
        let more = match self.files {
            0 => return None,
            1 => String::new(),
            n => format!(", and so in {}", counted(n - 1, "other file")),
        };
        Some(format!("{}{more}; choose with --array NAME", self.first))
    }
}
