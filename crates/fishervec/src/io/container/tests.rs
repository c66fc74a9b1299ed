//! Containers that say which array holds the descriptors, and those that do not.

use super::*;
use crate::io::rows::Stored;

/// Arrays by name, shape and the letter of their type, and the integers among them.
struct Fake(Vec<(&'static str, Vec<usize>, char)>, Vec<i64>);

impl Container for Fake {
    fn arrays(&mut self) -> Result<Vec<ArrayInfo>> {
        let info = |(name, shape, letter): &(&str, Vec<usize>, char)| ArrayInfo {
            name: (*name).to_owned(),
            shape: shape.clone(),
            dtype: letter.to_string(),
            stored: match letter {
                'f' => Some(Stored::F32),
                'd' => Some(Stored::F64),
                'u' => Some(Stored::U8),
                _ => None,
            },
            readable: *letter != '?',
        };
        Ok(self.0.iter().map(info).collect())
    }

    fn integers(&mut self, _: &str) -> Result<Vec<i64>> {
        Ok(self.1.clone())
    }

    fn labels(&mut self, _: &str) -> Result<Labels> {
        self.integers("y").map(Labels::Integers)
    }
}

type Arrays<'a> = &'a [(&'static str, &'a [usize], char)];

fn of(arrays: Arrays<'_>, wanted: Option<&str>) -> Result<Contents> {
    let arrays = arrays.iter().map(|(name, shape, letter)| (*name, shape.to_vec(), *letter)).collect();
    contents(&mut Fake(arrays, vec![3, 4]), ArrayNames { descriptors: wanted, positions: None })
}

/// The sets as (array, n, d), or the error.
fn sets(
    arrays: Arrays<'_>,
    wanted: Option<&str>,
) -> std::result::Result<Vec<(String, usize, usize)>, String> {
    let sets = of(arrays, wanted).map_err(|error| error.to_string())?.sets;
    Ok(sets.into_iter().map(|set| (set.array, set.rows.len(), set.dim)).collect())
}

fn one(array: &str, n: usize, d: usize) -> std::result::Result<Vec<(String, usize, usize)>, String> {
    Ok(vec![(array.to_owned(), n, d)])
}

#[test]
fn descriptors_are_found_by_their_name() {
    for (i, name) in NAMES.iter().enumerate() {
        let beside = [(*name, &[1, 7, 4][..], 'f'), ("coords", &[7, 4], 'f'), ("other", &[7, 5], 'f')];
        assert_eq!(sets(&beside, None), one(name, 7, 4), "{name}");
        assert_eq!(of(&beside, None).unwrap().passed_over, ["other"], "{name}");
        for later in NAMES[i + 1..].iter().filter(|later| !later.eq_ignore_ascii_case(name)) {
            let both = [(*later, &[5, 3][..], 'f'), (*name, &[7, 4], 'u')];
            assert_eq!(sets(&both, None), one(name, 7, 4), "{name} {later}");
            assert_eq!(of(&both, None).unwrap().passed_over, [*later], "{name}");
        }
    }
    // An earlier name that does not hold descriptors does not hide a later one.
    let slide = [("features", &[768][..], 'f'), ("patch_embeddings", &[9, 768], 'd')];
    assert_eq!(sets(&slide, None), one("patch_embeddings", 9, 768));
    assert_eq!(of(&slide, None).unwrap().passed_over, ["features"]);
    assert_eq!(sets(&[("Features", &[7, 4], 'f'), ("aux", &[7, 3], 'f')], None), one("Features", 7, 4));
    assert_eq!(sets(&[("features", &[7, 4], 'f'), ("coords", &[7, 2], 'i')], None), one("features", 7, 4));
    assert_eq!(sets(&[("features", &[0, 4], 'f'), ("coords", &[0, 2], 'f')], None), one("features", 0, 4));
    // An empty slide may not tell its number of columns; what tells it goes first.
    assert_eq!(sets(&[("features", &[0], 'f'), ("coords", &[0], 'f')], None), one("features", 0, 0));
    assert_eq!(sets(&[("features", &[0], 'f'), ("feats", &[3, 4], 'f')], None), one("feats", 3, 4));
    assert_eq!(sets(&[("foo", &[0], 'f')], Some("foo")), one("foo", 0, 0));
}

#[test]
fn without_such_a_name_matrices_of_one_width_are_a_set_each() {
    let images = [("img10", &[1, 3, 2][..], 'f'), ("img2", &[5, 2], 'd'), ("img1", &[0, 2], 'u')];
    let names = ["img1", "img2", "img10"].map(str::to_owned);
    assert_eq!(sets(&images, None).unwrap().into_iter().map(|set| set.0).collect::<Vec<_>>(), names);
    let beside = [("foo", &[7, 4][..], 'f'), ("Coords", &[7, 4], 'f'), ("keypoints", &[7, 4], 'f')];
    assert_eq!(sets(&beside, None), one("foo", 7, 4));
    let beside = [("foo", &[7, 4][..], 'f'), ("scale", &[], 'f'), ("Coords", &[7, 2], 'i'), ("y", &[7], 'i')];
    assert_eq!(sets(&beside, None), one("foo", 7, 4));
}

#[test]
fn what_lies_beside_descriptors_is_no_set_in_a_dictionary_of_dictionaries_either() {
    let slides = [
        ("a/features", &[7, 4][..], 'f'),
        ("a/coords", &[7, 2], 'i'),
        ("a/scores", &[7, 1], 'f'),
        ("b/features", &[5, 4], 'f'),
        ("b/Coords", &[5, 2], 'f'),
        ("b/labels", &[], '?'),
    ];
    let expected = [("a/features", 4, 0, Some("a/coords")), ("b/features", 4, 0, Some("b/Coords"))]
        .map(|(array, d, n, positions)| (array.to_owned(), d, n, positions.map(str::to_owned)));
    assert_eq!(located(&slides, None).unwrap(), expected);
    let told = sets(&[("a/coords", &[7, 2], 'f'), ("b/coords", &[5, 2], 'f')], None).unwrap_err();
    assert!(told.starts_with("no array holds descriptors"), "{told}");
    assert_eq!(sets(&[("a/coords", &[7, 2], 'f')], Some("a/coords")), one("a/coords", 7, 2));
}

#[test]
fn anything_else_is_an_error_that_lists_all_arrays() {
    let cases: [(Arrays<'_>, &str); 9] = [
        (&[], "no array holds descriptors; the arrays of this file: none;"),
        (
            &[("coords", &[7, 2], 'f')],
            "no array holds descriptors; the arrays of this file: coords (7, 2) f;",
        ),
        (
            &[("a", &[7, 2], 'i'), ("b", &[3], 'f')],
            "no array holds descriptors; the arrays of this file: a (7, 2) i, b (3,) f;",
        ),
        (&[("a", &[5, 7, 2], 'f')], "no array holds descriptors"),
        (&[("a", &[7, 0], 'f')], "no array holds descriptors"),
        (
            &[("a", &[7, 2], 'f'), ("b", &[7, 3], 'f')],
            "a and b could both be the descriptors; they differ in width",
        ),
        (
            &[("features", &[768], 'f'), ("foo", &[7, 3], 'f')],
            "features does not hold descriptors, shape (n, d) or (1, n, d) of floats or bytes: (768,) is one vector, \
             such as slide-level features; the",
        ),
        (&[("feats", &[7, 3], 'i'), ("coords", &[7, 3], 'f')], "feats does not hold descriptors"),
        (
            &[("a", &[], '?'), ("b", &[7, 3], 'f')],
            "a cannot be read; the arrays of this file: a (?), b (7, 3) f;",
        ),
    ];
    for (arrays, expected) in cases {
        let told = sets(arrays, None).unwrap_err();
        let usable =
            arrays.iter().any(|(_, shape, letter)| shape.len() == 2 && shape[1] > 0 && *letter == 'f');
        assert!(told.starts_with(expected) && told.ends_with("--array NAME") == usable, "{told}");
    }
    assert!(sets(&[("a", &[3], 'O')], None).unwrap_err().contains("np.savez(path, *sets)"));
    let many: Vec<(&str, &[usize], char)> = vec![("a", &[7], 'f'); 25];
    assert!(sets(&many, None).unwrap_err().contains("a (7,) f, and 5 more;"));
}

#[test]
fn no_array_that_may_be_a_set_is_left_out() {
    let fine = ("arr_0", &[7, 4][..], 'f');
    let odd: [(&'static str, &[usize], char); 6] = [
        ("arr_1", &[0], 'd'),
        ("arr_1", &[0, 0], 'f'),
        ("arr_1", &[5, 4], 'i'),
        ("arr_1", &[4], 'f'),
        ("arr_1", &[2, 7, 4], 'f'),
        ("arr_1", &[7, 4], 'O'),
    ];
    for odd in odd {
        let told = sets(&[fine, odd], None).unwrap_err();
        assert!(told.starts_with("arr_1 could be a set, but it does not hold descriptors"), "{told}");
        assert_eq!(sets(&[fine, odd], Some("arr_0")), one("arr_0", 7, 4));
    }
}

#[test]
fn descriptors_with_a_column_per_keypoint_are_refused() {
    let hloc =
        [("keypoints", &[100, 2][..], 'f'), ("descriptors", &[256, 100], 'f'), ("scores", &[100], 'f')];
    let told = sets(&hloc, None).unwrap_err();
    assert!(
        told.contains("descriptors has one column, not one row, per row of keypoints: save descriptors.T"),
        "{told}"
    );
    assert!(told.ends_with("; or if its rows are the descriptors, say so with --array NAME"), "{told}");
    assert_eq!(sets(&hloc, Some("descriptors")), one("descriptors", 256, 100));
    let square = [("keypoints", &[100, 2][..], 'f'), ("descriptors", &[100, 100], 'f')];
    assert_eq!(sets(&square, None), one("descriptors", 100, 100));
    // What has a row for each row decides, whatever has as many as there are columns.
    let classes = [("features", &[7, 4][..], 'f'), ("scores", &[4], 'f'), ("coords", &[7, 2], 'i')];
    assert_eq!(sets(&classes, None), one("features", 7, 4));
    // In a dictionary of dictionaries, too, and by any name.
    let nested =
        [("a/descriptors", &[8, 5][..], 'f'), ("a/keypoints", &[5, 2], 'f'), ("b/descriptors", &[8, 5], 'f')];
    let told = sets(&nested, None).unwrap_err();
    assert!(told.starts_with("a/descriptors has one column, not one row, per row of a/keypoints"), "{told}");
    let slide = [("coords", &[1, 9, 2][..], 'i'), ("features", &[1, 9, 1], 'f'), ("labels", &[1], 'i')];
    assert_eq!(sets(&slide, None), one("features", 9, 1));
}

#[test]
fn an_array_that_is_asked_for_wins() {
    let arrays =
        [("X", &[7, 4][..], 'f'), ("coords", &[7, 2], 'f'), ("lengths", &[2], 'i'), ("odd", &[], '?')];
    assert_eq!(sets(&arrays, Some("coords")), one("coords", 7, 2));
    assert_eq!(sets(&arrays, Some("X")), one("X", 7, 4));
    assert_eq!(sets(&arrays, None).unwrap().len(), 2);
    let capital = [("X", &[7, 4][..], 'f'), ("Lengths", &[2], 'i')];
    assert_eq!(sets(&capital, None).unwrap(), [("X".to_owned(), 3, 4), ("X".to_owned(), 4, 4)]);
    let told = sets(&arrays, Some("x")).unwrap_err();
    assert!(told.starts_with("there is no array x; the arrays of this file: X (7, 4) f, coords"), "{told}");
    assert!(sets(&arrays, Some("lengths")).unwrap_err().starts_with("lengths does not hold descriptors"));
}

#[test]
fn lengths_beside_another_name_can_be_meant_two_ways() {
    for name in ["features", "foo"] {
        let told = sets(&[(name, &[7, 4], 'f'), ("lengths", &[2], 'i')], None).unwrap_err();
        assert!(told.contains(&format!("{name} beside lengths can be one set, or a batch")), "{told}");
        assert_eq!(sets(&[(name, &[7, 4], 'f'), ("lengths", &[2], 'i')], Some(name)), one(name, 7, 4));
    }
}

/// The sets as (array, d, number of position columns, positions), where the array `positions` is asked for.
type Located = Vec<(String, usize, usize, Option<String>)>;

fn located(arrays: Arrays<'_>, positions: Option<&str>) -> std::result::Result<Located, String> {
    let arrays = arrays.iter().map(|(name, shape, letter)| (*name, shape.to_vec(), *letter)).collect();
    let found = contents(&mut Fake(arrays, vec![3, 4]), ArrayNames { descriptors: None, positions });
    let sets = found.map_err(|error| error.to_string())?.sets;
    Ok(sets.into_iter().map(|set| (set.array, set.dim, set.n_positions, set.positions)).collect())
}

#[test]
fn positions_that_are_asked_for_are_columns_behind_the_descriptors() {
    let slide = [("features", &[7, 4][..], 'f'), ("coords", &[7, 2], 'i'), ("when", &[1, 7, 1], 'd')];
    let with = |name: &str, dim, n| Ok(vec![("features".to_owned(), dim, n, Some(name.to_owned()))]);
    assert_eq!(located(&slide, Some("coords")), with("coords", 6, 2));
    assert_eq!(located(&slide, Some("when")), with("when", 5, 1));
    // Without being asked for they are noted, and change nothing.
    assert_eq!(located(&slide, None), with("coords", 4, 0));
    // What is called positions cannot be descriptors, so that the other array is the only set.
    let plain = [("a", &[7, 4][..], 'f'), ("where", &[7, 2], 'f')];
    assert!(located(&plain, None).unwrap_err().contains("differ in width"));
    assert_eq!(located(&plain, Some("where")).unwrap()[0].1, 6);
    let batch = [("X", &[7, 4][..], 'f'), ("lengths", &[2], 'i'), ("coords", &[7, 2], 'i')];
    let sets = located(&batch, Some("coords")).unwrap();
    assert_eq!(sets.iter().map(|set| (set.1, set.2)).collect::<Vec<_>>(), [(6, 2), (6, 2)]);
    let groups = [
        ("a/desc", &[7, 4][..], 'f'),
        ("a/keypoints", &[7, 2], 'f'),
        ("b/desc", &[5, 4], 'f'),
        ("b/keypoints", &[5, 2], 'f'),
    ];
    let places = located(&groups, Some("keypoints")).unwrap().into_iter().map(|set| set.3.unwrap());
    assert_eq!(places.collect::<Vec<_>>(), ["a/keypoints", "b/keypoints"]);
}

#[test]
fn positions_that_do_not_fit_are_errors_that_list_all_arrays() {
    let cases: [(&[usize], char, &str, &str); 6] = [
        (
            &[8, 2],
            'i',
            "coords",
            "coords does not hold the positions of features: expected shape (7, L), a row for",
        ),
        (&[2, 7], 'i', "coords", "expected shape (7, L)"),
        (&[7], 'i', "coords", "expected shape (7, L)"),
        (&[7, 65], 'f', "coords", "L from 1 to 64"),
        (&[7, 2], 'i', "where", "there is no array where"),
        (&[7, 2], 'i', "ords", "there is no array ords"),
    ];
    for (shape, letter, asked, expected) in cases {
        let told =
            located(&[("features", &[7, 4], 'f'), ("coords", shape, letter)], Some(asked)).unwrap_err();
        let listed = "features (7, 4) f; choose the positions with --positions NAME";
        assert!(told.contains(expected) && told.ends_with(listed), "{told}");
    }
    let arrays = vec![("features", vec![7, 4], 'f')];
    let both = ArrayNames { descriptors: Some("features"), positions: Some("features") };
    let told = contents(&mut Fake(arrays, vec![]), both).unwrap_err().to_string();
    assert!(told.starts_with("one array cannot hold both"), "{told}");
}

#[test]
fn an_empty_slide_that_does_not_tell_its_columns_may_have_positions() {
    let shapes: [(&[usize], &[usize]); 3] = [(&[0], &[0, 2]), (&[0, 4], &[0]), (&[0], &[0])];
    for (features, coords) in shapes {
        let slide = [("features", features, 'f'), ("coords", coords, 'i')];
        let noted = Some("coords".to_owned());
        let d = features.get(1).copied().unwrap_or(0);
        assert_eq!(located(&slide, None).unwrap(), [("features".to_owned(), d, 0, noted.clone())]);
        assert_eq!(located(&slide, Some("coords")).unwrap(), [("features".to_owned(), 0, 0, noted)]);
    }
    let slide = [("features", &[0, 4][..], 'f'), ("coords", &[0, 2], 'i')];
    assert_eq!(located(&slide, Some("coords")).unwrap()[0].1, 6);
    let told = located(&[("features", &[0], 'f'), ("coords", &[3, 2], 'i')], Some("coords")).unwrap_err();
    assert!(told.contains("expected shape (0, L)"), "{told}");
    let told = located(&[("features", &[3, 4], 'f'), ("coords", &[0], 'i')], Some("coords")).unwrap_err();
    assert!(told.contains("expected shape (3, L)"), "{told}");
}

#[test]
fn only_positions_with_a_row_for_each_descriptor_are_noted() {
    let noted = |arrays: Arrays<'_>| located(arrays, None).unwrap()[0].3.clone();
    let x = ("X", &[7, 4][..], 'f');
    assert_eq!(
        noted(&[x, ("KeyPoints", &[7, 2], 'f'), ("Positions", &[7, 3], 'i')]),
        Some("Positions".to_owned())
    );
    assert_eq!(noted(&[x, ("coords", &[6, 2], 'i'), ("keypoints", &[7, 5], 'f')]), None);
    assert_eq!(noted(&[("img1", &[7, 4], 'f'), ("coords", &[7, 2], 'i')]), Some("coords".to_owned()));
    assert_eq!(noted(&[("img1", &[7, 4], 'f'), ("img2", &[5, 4], 'f'), ("coords", &[7, 2], 'i')]), None);
}
