//! The longer texts of the help. Clap does not wrap lines broken by hand, so they stay below 80 columns.

pub(super) const SHORT: &str = "\
Examples:
  fishervec fit clips/ -o model.safetensors
  fishervec encode clips/ -m model.safetensors -o vectors.npy
  fishervec evaluate vectors.npy --labels labels.npy

`fishervec fit -h` lists the options of a command that most people need,
`fishervec fit --help` all of them; `fishervec --help` describes inputs and exit
codes.";

pub(super) const LONG: &str = "\
An INPUT is descriptors,
  an .npy file           one set, shape (n, d)
  an .npz, .safetensors, .pt, .pth, .h5 or .hdf5 file
                         with the arrays X and lengths (or offsets): one batch
                         of sets, and their labels in y, if present; otherwise
                         the first of the arrays features, feats,
                         patch_embeddings, embeddings, descriptors, desc, X, x;
                         otherwise one set per 2-D array, if all have the same
                         number of columns; --array NAME chooses another array;
                         in an .h5 or .hdf5 file of groups: the same in each
                         group, and --array may be a path
  an .fvecs or .bvecs file, or a .pt file of a single tensor
                         one set
  a folder               all such files in it and in its subfolders
  a LIST.jsonl           from `fishervec scan`: what it lists
of float32, float64, float16, bfloat16 (.safetensors, .pt, .h5) or uint8
numbers; or images,
  an image file          .jpg, .jpeg, .png, .webp, .tif or .tiff
  a folder of images     its subfolders, if any, are the labels, as are those of
                         descriptor files if there are several and all files are
                         in one; `encode --labels FILE` gives labels by name
in the natural order of names (img2 before img10). Of a folder, hidden files,
models, samples and outputs of `encode` are left out. Inputs that hold both descriptors
and images are an error, unless --input says which are meant.

Exit codes:
  0  done
  1  failed: the message says why, and no output file has changed
  2  wrong usage: an unknown option, a value out of range
  3  done, but some sets were skipped (--on-error skip)
  4  done, and another round is wanted (maximize --exit-code)

Examples:
  fishervec fit clips/ -o model.safetensors --components 64
  fishervec encode clips/ -m model.safetensors -o vectors.npy
  fishervec fit images/ -o model.safetensors
  fishervec encode images/ -m model.safetensors -o vectors.npy
  fishervec inspect model.safetensors
  fishervec evaluate vectors.npy --labels labels.npy
  fishervec completions bash > ~/.local/share/bash-completion/completions/fishervec
  fishervec man -o ~/.local/share/man/man1";

pub(super) const SCAN: &str = "\
A list has the path, the size, the time and the sets of each file. Commands that
are given it in place of the inputs open no headers but of the files they read;
results are the same. A file that has changed since is an error. Paths are
relative to the folder of the list, or to --root DIR.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some files were skipped

Examples:
  fishervec scan slides/ -o slides.jsonl
  fishervec fit slides.jsonl -o model.safetensors
  fishervec encode slides.jsonl -m model.safetensors -o vectors.npy";

pub(super) const FIT_SHORT: &str = "\
Examples:
  fishervec fit clips/ -o model.safetensors
  fishervec fit images/ -o model.safetensors --pyramid 1x1,2x2,1x3
All options: fishervec fit --help";

pub(super) const FIT_LONG: &str = "\
Examples:
  fishervec fit clips/ -o model.safetensors
  fishervec fit sift/ -o model.safetensors --rows rootsift --pca 64
  fishervec fit batch.npz -o gist.safetensors --convention gist --norm none
  fishervec fit clips/ -o baseline.safetensors --encoder pooling
  fishervec fit slides/ -o model.safetensors --balance set
  fishervec fit images/ -o model.safetensors --augment xy
  fishervec fit images/ -o model.safetensors --pyramid 1x1,2x2,1x3
  fishervec fit clips/ -o model.safetensors --position-columns 1 --spatial 1";

pub(super) const SAMPLE: &str = "\
A fit needs no more of all inputs than a sample, which machines can draw in
shards, each from its own share of the files:
  fishervec sample data/ -o 1.safetensors -k 256 --shard 1/2
  fishervec sample data/ -o 2.safetensors -k 256 --shard 2/2
  fishervec fit 1.safetensors 2.safetensors -o model.safetensors -k 256
The model has the bytes of `fishervec fit data/ -o model.safetensors -k 256`.
With --information empirical, `fit` wants a sample of whole sets too (--sets
2000). A file is whole or absent, and a missing shard is an error of `fit`.";

pub(super) const ENCODE: &str = "\
Writes these files together at the end, or none of them:
  NAME.npy         float32, one row per set, in the order of the inputs;
                   an empty set becomes a row of zeros; with --group-by one
                   row per group, in the order of their first sets
  NAME.csv         one line per row: row, source, set (or group), n
                   (descriptors), mean_log_likelihood, status (ok, empty,
                   skipped); label, if there are labels; reason, with
                   --on-error skip
  NAME.json        with --shard: what `join` needs to know
  NAME.labels.npy  int64, if there are labels: integers as they are; names as
                   their number in sorted order; -1 for a set without a label

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some sets were skipped

Examples:
  fishervec encode clips/ -m model.safetensors -o vectors.npy
  fishervec encode slides/ -m model.safetensors -o v.npy --labels labels.csv
  fishervec encode slides/ -m model.safetensors -o v.npy --labels labels.csv \
    --group-by patient
  fishervec encode a.npz more/ -m model.safetensors -o v.npy --on-error skip";

pub(super) const JOIN: &str = "\
Needs every shard once, of one model, one list of files, one instruction set and
one version, and says which are missing or what differs; NAME does not change
then. The result is, to the last byte, that of `encode` without --shard. Files
NAME.labels.npy of shards may be among the arguments.

Example:
  fishervec encode slides.jsonl -m model.safetensors --shard 1/2 -o v.1.npy
  fishervec encode slides.jsonl -m model.safetensors --shard 2/2 -o v.2.npy
  fishervec join v.*.npy -o vectors.npy --remove";

pub(super) const ACCUMULATE: &str = "\
A fit over all descriptors in rounds, each of which several processes share:
  fishervec fit data/ -o 0.safetensors -k 256
  fishervec accumulate data/ -m 0.safetensors --shard 1/64 -o 0.1.stats
  ...
  fishervec accumulate data/ -m 0.safetensors --shard 64/64 -o 0.64.stats
  fishervec maximize 0.*.stats -m 0.safetensors -o 1.safetensors
Any number of shards, in any order, any of them twice, on any machines of one
instruction set, give the bytes of `fit --polish`. A file of a shard is whole or
absent; one that is there already, of the same model, inputs and shard, and newer
than the inputs, stays as it is. Under a model that has converged, nothing is
read.";

pub(super) const MAXIMIZE: &str = "\
Refuses parts of another model, of other inputs, or of another instruction set,
and says which shards are missing; NEXT does not change then. It keeps
the settings of the first round, and can encode like any model.

Exit codes: 0 done, 1 failed, 2 wrong usage, 4 another round is wanted
(--exit-code)

Example:
  while fishervec accumulate data/ -m m.safetensors -o m.stats;
        fishervec maximize m.stats -m m.safetensors -o m.safetensors --exit-code;
        [ $? = 4 ]; do :; done";

pub(super) const REPORT: &str = "\
The page is one file without network, below 2 MB for any number of sets. Counts,
shares and lengths are of all sets; the map, the classification and the blocks
are of a sample of at most 2,000, of sets that have a label if any has.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some sets were skipped

Examples:
  fishervec report model.safetensors --sets clips/ -o report.html
  fishervec report model.safetensors --sets slides/ --labels labels.csv \
    -o report.html
  fishervec report model.safetensors --sets clips/ --json";

pub(super) const EVALUATE: &str = "\
Examples:
  fishervec evaluate vectors.npy
  fishervec evaluate vectors.npy --labels labels.csv -k 5 --json
  fishervec evaluate vectors.npy --neighbours nearest.csv --top 5
  fishervec evaluate train.npy --queries test.npy";

pub(super) const EXPLAIN: &str = "\
The share of a descriptor says what it adds to the score: those of all
descriptors sum to the score, before the bias of a classifier.
  WHY.html     score, map, loudest descriptors, components; one file that needs
               no network
  WHY.csv      one line per descriptor, in the order of the rows: row, its
               place, contribution; smoothed: spread over what it describes, or
               over neighbouring patches, with the same sum
  WHY.geojson  the patches as detections with these measurements, for QuPath;
               where places have two dimensions, unless A is an image
With --against, WHY.against.csv and so on are about B.

COEF.npz of a model of scikit-learn that was fitted to vectors of MODEL:
  np.savez(\"coef.npz\", coef=clf.coef_, intercept=clf.intercept_,
           classes=clf.classes_)

Examples:
  fishervec explain slide.h5 -m model.safetensors --classifier coef.npz -o why.html
  fishervec explain a.jpg -m model.safetensors --against b.jpg -o why.html";

pub(super) const EXPLORE: &str = "\
The page is part of this program, runs in the browser alone, and is served to this machine only.

Examples:
  fishervec explore
  fishervec explore --no-open --port 8000";

pub(super) const COMPLETIONS: &str = "\
Examples:
  fishervec completions bash > ~/.local/share/bash-completion/completions/fishervec
  fishervec completions zsh > ~/.zfunc/_fishervec
  fishervec completions fish > ~/.config/fish/completions/fishervec.fish";

pub(super) const MAN: &str = "\
Examples:
  fishervec man | man -l -
  fishervec man -o ~/.local/share/man/man1";
