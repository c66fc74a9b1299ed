//! Image files that are not whole, hold several images, or numbers outside their range.
#![cfg(feature = "image")]

use fishervec::Error;
use fishervec::image::{Color, Image, ImageParams};

fn open(bytes: &[u8]) -> Result<Image, Error> {
    Image::from_bytes(bytes, &ImageParams { color: Color::Rgb, ..ImageParams::default() })
}

fn refused(bytes: &[u8]) -> String {
    open(bytes).unwrap_err().to_string()
}

mod jpeg {
    use super::*;

    /// A face of 72 x 64 pixels, as Pillow 13 writes it. The thumbnail's has a JPEG file in its EXIF segment.
    const FILES: [(&str, &[u8]); 8] = [
        ("baseline", include_bytes!("../testdata/jpeg/baseline.jpg")),
        ("progressive", include_bytes!("../testdata/jpeg/progressive.jpg")),
        ("restart", include_bytes!("../testdata/jpeg/restart.jpg")),
        ("progressive-restart", include_bytes!("../testdata/jpeg/progressive-restart.jpg")),
        ("grey", include_bytes!("../testdata/jpeg/grey.jpg")),
        ("grey-progressive", include_bytes!("../testdata/jpeg/grey-progressive.jpg")),
        ("cmyk", include_bytes!("../testdata/jpeg/cmyk.jpg")),
        ("thumbnail", include_bytes!("../testdata/jpeg/thumbnail.jpg")),
    ];
    const END: [u8; 2] = [0xff, 0xd9];

    fn file(name: &str) -> Vec<u8> {
        FILES.iter().find(|file| file.0 == name).unwrap().1.to_vec()
    }

    /// The positions of a marker outside the segments.
    fn markers(bytes: &[u8], marker: u8) -> Vec<usize> {
        let (mut at, mut found) = (2, Vec::new());
        while at + 3 < bytes.len() {
            let [first, name, ..] = bytes[at..] else { break };
            if first != 0xff || name == 0 || name == 0xff {
                at += 1;
                continue;
            }
            if name == marker {
                found.push(at);
            }
            let stands_alone = (0xd0..=0xd9).contains(&name);
            let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
            at += 2 + if stands_alone { 0 } else { length };
        }
        found
    }

    #[test]
    fn every_truncation_is_an_error() {
        for (name, bytes) in FILES {
            // Without one or both bytes of the end marker, the data are whole.
            for length in 0..bytes.len() - 2 {
                assert!(open(&bytes[..length]).is_err(), "{name}: {length} of {}", bytes.len());
            }
        }
        assert!(refused(&file("baseline")[..1000]).contains("the data end early, at row"));
    }

    #[test]
    fn a_truncated_file_with_an_end_marker_is_an_error() {
        for (name, bytes) in FILES {
            for length in 2..bytes.len() - 2 {
                assert!(open(&[&bytes[..length], &END].concat()).is_err(), "{name}: {length}");
            }
        }
    }

    #[test]
    fn a_tail_of_zeros_is_an_error() {
        for (name, bytes) in FILES {
            // The last few bytes may be those of a block that zeros complete.
            for length in 2..bytes.len() - 16 {
                let zeros = vec![0; bytes.len() - length];
                assert!(open(&[&bytes[..length], &zeros].concat()).is_err(), "{name}: {length}");
            }
        }
    }

    #[test]
    fn what_surrounds_whole_data_does_not_matter() {
        for (name, bytes) in FILES {
            let (whole, data) = (open(bytes).unwrap(), &bytes[..bytes.len() - 2]);
            for (what, tail) in [
                ("no end marker", &[][..]),
                ("half an end marker", &[0xff]),
                ("fill bytes", &[0xff, 0xff, 0xff, 0xd9]),
                ("padding", &[0, 0, 0, 0xff, 0xd9]),
                ("a comment", &[0xff, 0xfe, 0, 4, b'h', b'i', 0xff, 0xd9]),
                ("half a comment", &[0xff, 0xfe, 0, 4, b'h']),
                ("something after the end", b"\xff\xd9something after the end\xff\xd8\xff"),
            ] {
                assert_eq!(open(&[data, tail].concat()).unwrap(), whole, "{name}: {what}");
            }
            assert_eq!(open(&[bytes, bytes].concat()).unwrap(), whole, "{name}: twice");
        }
    }

    #[test]
    fn data_that_are_too_many_are_an_error() {
        for (name, bytes) in FILES {
            let data = &bytes[..bytes.len() - 2];
            assert!(open(&[data, b"more", &END].concat()).is_err(), "{name}");
            assert!(open(&[data, &[0; 99], &END].concat()).is_err(), "{name}");
        }
    }

    /// Fewer bytes may change a few blocks and be whole codes again, which no decoder can know.
    #[test]
    fn a_gap_of_40_bytes_is_noticed_nearly_always() {
        for (name, bytes) in FILES {
            let start = markers(bytes, 0xda)[0] + 14;
            let without = |i: usize| open(&[&bytes[..i], &bytes[i + 40..]].concat());
            let places = start..bytes.len() - 42;
            let noticed = places.clone().filter(|i| without(*i).is_err()).count();
            assert!(10 * noticed > 8 * places.len(), "{name}: {noticed} of {}", places.len());
        }
    }

    #[test]
    fn restart_markers_must_be_in_order() {
        let bytes = file("restart");
        let (second, third) = (markers(&bytes, 0xd1)[0], markers(&bytes, 0xd2)[0]);
        let lost = [&bytes[..second], &bytes[third..]].concat();
        assert!(refused(&lost).contains("a restart marker is missing, at row"));
        let mut renamed = bytes.clone();
        renamed[second + 1] = 0xd2;
        assert!(refused(&renamed).contains("a restart marker is missing"));
    }

    #[test]
    fn a_missing_scan_is_an_error() {
        let bytes = file("progressive");
        let scans = markers(&bytes, 0xda);
        assert_eq!(scans.len(), 10);
        let last = *markers(&bytes, 0xc4).last().unwrap();
        assert!(scans[8] < last && last < scans[9]);
        let message = refused(&[&bytes[..last], &END].concat());
        assert!(message.contains("the data end early, after scan 9"), "{message}");
    }

    /// Such files rely on the tables of the standard.
    #[test]
    fn a_frame_of_a_film_is_read_and_checked() {
        let mut bytes = file("baseline");
        let whole = open(&bytes).unwrap();
        for start in markers(&bytes, 0xc4).into_iter().rev() {
            let length = usize::from(u16::from_be_bytes([bytes[start + 2], bytes[start + 3]]));
            bytes.drain(start..start + 2 + length);
        }
        assert!(open(&bytes).is_err());
        let name = bytes.windows(5).position(|name| name == b"JFIF\0").unwrap();
        bytes[name..name + 5].copy_from_slice(b"AVI1\0");
        assert_eq!(open(&bytes).unwrap(), whole);
        assert!(refused(&bytes[..bytes.len() - 99]).contains("the data end early"));
    }

    /// A change of every byte: an image or an error, never a panic.
    #[test]
    fn damaged_files_never_panic() {
        for (_, bytes) in FILES {
            for i in 0..bytes.len() {
                for change in [0xff, 0x01] {
                    let mut bad = bytes.to_vec();
                    bad[i] ^= change;
                    let _ = open(&bad);
                }
            }
        }
    }

    /// Lossless, and with arithmetic codes.
    #[test]
    fn other_kinds_of_jpeg_are_refused() {
        let bytes = file("baseline");
        let frame = markers(&bytes, 0xc0)[0];
        for kind in [0xc3, 0xc9, 0xca] {
            let mut other = bytes.clone();
            other[frame + 1] = kind;
            assert!(refused(&other).starts_with("not a valid image: "), "{kind}");
        }
    }
}

mod tiff {
    use super::*;

    /// The format of a number: 1 for unsigned, 2 for signed, 3 for a float.
    type Kind = u32;

    /// A TIFF file of 3 x 2 pixels, and tags that it has besides.
    struct Tiff {
        channels: u32,
        bits: u32,
        kind: Kind,
        more: Vec<(u32, u32)>,
    }

    const SIZE: [u32; 2] = [3, 2];

    impl Tiff {
        /// The page whose data come at `start`, after the place of its tags.
        fn page(&self, start: usize, strips: &[Vec<u8>]) -> Vec<u8> {
            let [width, height] = SIZE;
            let (mut data, mut offsets, mut counts) = (Vec::new(), Vec::new(), Vec::new());
            for strip in strips {
                offsets.push(if strip.is_empty() { 0 } else { (start + data.len()) as u32 });
                counts.push(strip.len() as u32);
                data.extend(strip);
            }
            let rgb = self.channels > 2;
            let repeated = |value: u32| vec![value; self.channels as usize];
            let mut tags = vec![
                (256, vec![width]),
                (257, vec![height]),
                (258, repeated(self.bits)),
                (259, vec![1]),
                (262, vec![if rgb { 2 } else { 1 }]),
                (273, offsets),
                (277, vec![self.channels]),
                (278, vec![height / strips.len() as u32]),
                (279, counts),
                (339, repeated(self.kind)),
            ];
            tags.extend(self.more.iter().map(|(tag, value)| (*tag, vec![*value])));
            tags.sort();
            // Values that do not fit into their entries follow the data.
            let mut entries = (tags.len() as u16).to_le_bytes().to_vec();
            for (tag, values) in &tags {
                let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
                let value = match values.len() {
                    1 => bytes,
                    _ => {
                        let at = (start + data.len()) as u32;
                        data.extend(bytes);
                        at.to_le_bytes().to_vec()
                    }
                };
                entries.extend((*tag as u16).to_le_bytes());
                entries.extend(if values.len() == 1 { 3_u16 } else { 4 }.to_le_bytes());
                entries.extend((values.len() as u32).to_le_bytes());
                entries.extend(value);
            }
            let tags_at = (start + data.len()) as u32;
            [&tags_at.to_le_bytes()[..], &data, &entries, &[0; 4]].concat()
        }

        fn file(&self, strips: &[Vec<u8>]) -> Vec<u8> {
            let page = self.page(8, strips);
            [b"II\x2a\0", &page[..]].concat()
        }
    }

    fn grey(bits: u32, kind: Kind) -> Tiff {
        Tiff { channels: 1, bits, kind, more: vec![] }
    }

    /// The first channel of the image of one strip.
    fn values(tiff: &Tiff, strip: Vec<u8>) -> Vec<f32> {
        let image = open(&tiff.file(&[strip])).unwrap();
        image.values()[..6].to_vec()
    }

    const LEVELS: [f32; 6] = [0.0, 0.25, 0.5, 0.75, 1.0, 0.125];

    fn floats(scale: f32) -> Vec<u8> {
        LEVELS.iter().flat_map(|x| (x * scale).to_le_bytes()).collect()
    }

    #[test]
    fn floats_are_from_0_to_1() {
        assert_eq!(values(&grey(32, 3), floats(1.0)), LEVELS);
        let wide = LEVELS.iter().flat_map(|x| f64::from(*x).to_le_bytes()).collect();
        assert_eq!(values(&grey(64, 3), wide), LEVELS);
        let short = LEVELS.iter().flat_map(|x| half::f16::from_f32(*x).to_le_bytes()).collect();
        assert_eq!(values(&grey(16, 3), short), LEVELS);
        for (scale, message) in [
            (255.0, "expected values from 0 to 1, got 0 to 255: divide by 255"),
            (65535.0, "expected values from 0 to 1, got 0 to 65535: divide by 65535"),
            (1.001, "expected values from 0 to 1, got 0 to 1.001: scale them to this range"),
            (-1.0, "expected values from 0 to 1, got -1 to 0: scale them to this range"),
            (1e9, "expected values from 0 to 1, got 0 to 1000000000: scale them to this range"),
        ] {
            assert_eq!(refused(&grey(32, 3).file(&[floats(scale)])), message);
        }
        assert!(refused(&grey(32, 3).file(&[floats(f32::NAN)])).contains("row 0, column 0 is NaN"));
    }

    #[test]
    fn colours_and_alpha_of_floats_are_checked_and_composited() {
        let pixels = |n: usize, scale: f32, alpha: f32| -> Vec<u8> {
            let of = |x: &f32| (0..n).map(|c| if c == 3 { alpha } else { x * scale }).collect::<Vec<_>>();
            LEVELS.iter().flat_map(of).flat_map(f32::to_le_bytes).collect()
        };
        let rgb = Tiff { channels: 3, ..grey(32, 3) };
        assert_eq!(values(&rgb, pixels(3, 1.0, 1.0)), LEVELS);
        assert!(refused(&rgb.file(&[pixels(3, 255.0, 1.0)])).contains("divide by 255"));
        let rgba = Tiff { channels: 4, more: vec![(338, 2)], ..grey(32, 3) };
        assert_eq!(values(&rgba, pixels(4, 1.0, 0.5)), LEVELS.map(|x| 0.5 * x + 0.5));
        assert!(refused(&rgba.file(&[pixels(4, 1.0, 255.0)])).contains("got 0 to 255"));
        // Colours that are multiplied by alpha already.
        let rgba = Tiff { channels: 4, more: vec![(338, 1)], ..grey(32, 3) };
        assert_eq!(values(&rgba, pixels(4, 0.5, 0.5)), LEVELS.map(|x| 0.5 * x + 0.5));
    }

    #[test]
    fn integers_of_more_than_8_bits_are_from_0_to_65535() {
        let levels = [0_u16, 1, 2000, 32768, 65535, 40000];
        let expected = levels.map(|x| f32::from(x) / 65535.0);
        let bytes =
            |n: usize| levels.iter().flat_map(|x| u64::from(*x).to_le_bytes()[..n].to_vec()).collect();
        for (bits, kind) in [(16, 1), (32, 1), (32, 2), (64, 1), (64, 2)] {
            assert_eq!(values(&grey(bits, kind), bytes(bits as usize / 8)), expected, "{bits} {kind}");
        }
        let wide: Vec<u8> = [0, 1, 2, 3, 4, 1_000_000_u32].iter().flat_map(|x| x.to_le_bytes()).collect();
        let message = "expected values from 0 to 65535, got 0 to 1000000: scale them to this range";
        assert_eq!(refused(&grey(32, 1).file(&[wide])), message);
        let below: Vec<u8> = [0, 1, 2, 3, 4, -7_i16].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert!(refused(&grey(16, 2).file(&[below])).contains("got -7 to 4"));
        let rgb = Tiff { channels: 3, ..grey(32, 1) };
        let tripled = levels.iter().flat_map(|x| [u32::from(*x); 3]).flat_map(u32::to_le_bytes).collect();
        assert_eq!(values(&rgb, tripled), expected);
    }

    #[test]
    fn a_tiff_is_turned_as_it_says() {
        let turned = Tiff { more: vec![(274, 3)], ..grey(32, 3) };
        let mut expected = LEVELS;
        expected.reverse();
        assert_eq!(values(&turned, floats(1.0)), expected);
    }

    #[test]
    fn a_missing_part_is_an_error() {
        let bytes = |values: [u8; 3]| values.to_vec();
        let tiff = grey(8, 1);
        assert!(open(&tiff.file(&[bytes([1, 2, 3]), bytes([4, 5, 6])])).is_ok());
        let message = refused(&tiff.file(&[bytes([1, 2, 3]), vec![]]));
        assert!(message.contains("part 1 of 2 of the image is missing"), "{message}");
    }

    #[test]
    fn a_file_of_several_pages_is_refused_but_not_one_with_a_preview() {
        let two = |second: &Tiff| {
            let strip = vec![vec![1, 2, 3, 4, 5, 6]];
            let first = grey(8, 1).page(8, &strip);
            // The place of the next page's tags ends those of the first.
            let mut file = [b"II\x2a\0", &first[..]].concat();
            let at = file.len();
            let page = second.page(at + 4, &strip);
            let tags = u32::from_le_bytes(page[..4].try_into().unwrap());
            file[at - 4..].copy_from_slice(&tags.to_le_bytes());
            [file, page].concat()
        };
        let message = refused(&two(&grey(8, 1)));
        assert!(message.contains("expected one image, got 2 pages"), "{message}");
        for kind in [1, 4] {
            let preview = Tiff { more: vec![(254, kind)], ..grey(8, 1) };
            assert_eq!(open(&two(&preview)).unwrap().width(), 3);
        }
    }
}

#[test]
fn arrays_of_floats_are_from_0_to_1() {
    let new = |pixels: &[f32], channels| Image::new(pixels, 2, 1, channels, Color::Rgb);
    assert_eq!(
        new(&[0.0, 255.0], 1).unwrap_err().to_string(),
        "expected values from 0 to 1, got 0 to 255: divide by 255"
    );
    assert!(matches!(new(&[0.0, -0.1], 1), Err(Error::PixelRange { .. })));
    assert!(new(&[1.0 + f32::EPSILON, -f32::EPSILON], 1).is_ok());
    // Alpha is composited onto white, and is from 0 to 1, too.
    let pixels = [0.2, 0.4, 0.6, 0.5, 0.1, 0.1, 0.1, 0.0];
    let image = new(&pixels, 4).unwrap();
    for (got, expected) in image.values().iter().zip([0.6, 1.0, 0.7, 1.0, 0.8, 1.0]) {
        assert!((got - expected).abs() < 1e-6, "{:?}", image.values());
    }
    assert!(new(&pixels.map(|x| 10.0 * x), 4).is_err());
}
