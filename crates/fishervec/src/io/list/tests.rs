//! Lists of files: what is written is read again, from any place; what is torn or edited is refused.

use super::*;
use crate::io::npy::{Labels, NpyWriter};
use crate::io::{SetFile, SetInFile, Stamp};
use std::fs;

fn set(name: &str, rows: usize) -> SetInFile {
    let positions = (rows > 3).then(|| "coords".to_owned());
    let n_positions = if rows > 3 { 2 } else { 0 };
    let (name, array) = (name.to_owned(), format!("db/{name}"));
    SetInFile { name, array, rows: rows..2 * rows, dim: 5, n_positions, positions, is_f64: rows > 4 }
}

fn file(path: PathBuf, folder: Option<usize>, n: usize) -> ListedFile {
    let sets: Vec<SetInFile> = (0..n).map(|i| set(&format!("s{i}\n\u{2603}"), i)).collect();
    let labels = [Labels::Integers(vec![-1; n]), Labels::Names(vec!["a".to_owned(); n])];
    let labels = labels.into_iter().nth(n % 3);
    let stamp = Stamp { bytes: n as u64, modified: -(n as i64) };
    ListedFile { path, folder, stamp, contents: Contents::Sets { sets, labels } }
}

fn list(folder: &Path) -> List {
    let files = (0..6).map(|i| match i {
        0 => file(folder.join("alone.npz"), None, 2),
        i => file(folder.join(format!("data/{i}.npz")), Some(i % 2), i),
    });
    let folders = vec![folder.join("data"), folder.join("data")];
    List { folders, array: Some("x".to_owned()), positions: None, files: files.collect() }
}

#[test]
fn what_is_saved_is_loaded_also_from_another_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let list = list(&folder);
    fs::create_dir(folder.join("lists")).unwrap();
    for path in ["list.jsonl", "lists/list.jsonl"] {
        list.save(folder.join(path), None).unwrap();
        assert!(List::is_one(&folder.join(path)));
        assert_eq!(List::load(folder.join(path), None).unwrap(), list);
    }
    assert_eq!((list.n_sets(), list.n_rows(), list.dim()), (17, Some(21), Some(5)));
    fs::create_dir(folder.join("moved")).unwrap();
    fs::rename(folder.join("list.jsonl"), folder.join("moved/list.jsonl")).unwrap();
    let moved = List::load(folder.join("moved/list.jsonl"), None).unwrap();
    assert_eq!(moved.files[1].path, folder.join("moved/data/1.npz"));
    assert_eq!(moved.id(), list.id(), "where the files are does not count");
    list.save(folder.join("rooted.jsonl"), Some(&folder.join("data"))).unwrap_err();
    list.save(folder.join("rooted.jsonl"), Some(&folder)).unwrap();
    assert_eq!(List::load(folder.join("rooted.jsonl"), None).unwrap(), list);
    let away = List::load(folder.join("rooted.jsonl"), Some(Path::new("/away"))).unwrap();
    assert_eq!(away.files[0].path, Path::new("/away/alone.npz"));
}

#[test]
fn the_identity_is_of_names_and_shapes_alone() {
    let folder = Path::new("/here");
    let id = list(folder).id();
    assert_eq!(id, list(Path::new("/there")).id());
    let changed = |change: &dyn Fn(&mut List)| {
        let mut list = list(folder);
        change(&mut list);
        list.id()
    };
    assert_eq!(id, changed(&|list| list.files[2].stamp.modified = 9));
    assert_ne!(id, changed(&|list| list.files[2].path = "/here/data/other.npz".into()));
    assert_ne!(id, changed(&|list| list.files.swap(1, 2)));
    assert_ne!(id, changed(&|list| drop(list.files.pop())));
    assert_ne!(id, changed(&|list| list.files[2].contents = Contents::Image { width: 2, height: 2 }));
    // A file that is asked for by its name is called like one of its folder.
    assert_eq!(id, changed(&|list| list.files[3].folder = None));
}

#[test]
fn every_list_that_is_cut_short_is_refused_and_none_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.jsonl");
    list(folder.path()).save(&path, None).unwrap();
    let bytes = fs::read(&path).unwrap();
    for n in 0..bytes.len() - 1 {
        fs::write(&path, &bytes[..n]).unwrap();
        let told = List::load(&path, None).unwrap_err().to_string();
        assert!(told.contains("list.jsonl") && told.contains("line "), "{n}: {told}");
    }
    // A byte that differs is a torn line, or another hash.
    for at in (0..bytes.len()).step_by(7) {
        let mut bytes = bytes.clone();
        bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
        fs::write(&path, &bytes).unwrap();
        let told = List::load(&path, None);
        assert!(told.is_err(), "{at}");
    }
}

#[test]
fn a_stamp_tells_a_file_that_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let write = |rows: usize| {
        let mut file = NpyWriter::create(&path, rows, 2).unwrap();
        file.append(&vec![1.0; 2 * rows]).unwrap();
        commit([file.finish().unwrap()]).unwrap();
    };
    write(3);
    let stamp = Stamp::of(&path).unwrap();
    stamp.check(&path).unwrap();
    assert!(
        matches!(Contents::from(&SetFile::open(&path).unwrap()), Contents::Sets { sets, .. } if sets.len() == 1)
    );
    write(2);
    let told = stamp.check(&path).unwrap_err().to_string();
    assert!(
        told.ends_with("it has changed since it was scanned (152 bytes then, 144 now): scan again"),
        "{told}"
    );
    fs::remove_file(&path).unwrap();
    assert!(stamp.check(&path).unwrap_err().to_string().contains("(it is gone)"));
}
