"""Seeds of the fuzz targets: small good files of each format, from the tests' data and made here.

python3 fuzz/seeds.py FOLDER writes FOLDER/TARGET/*, with Python's standard library alone.
"""

import io
import json
import shutil
import struct
import sys
import zipfile
import zlib
from pathlib import Path

TESTDATA = Path(__file__).resolve().parent.parent / "crates" / "fishervec" / "testdata"
#: The smallest lossless WebP image: one pixel.
WEBP = bytes.fromhex("524946461a000000574542505650384c0d0000002f00000010071011118888fe0700")


def npy(descr: str, shape: tuple[int, ...], data: bytes, fortran: bool = False, version: int = 1) -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


def floats(n: int, kind: str = "<f") -> bytes:
    return b"".join(struct.pack(kind, i % 7) for i in range(n))


ARRAYS = {
    "f4": npy("<f4", (4, 3), floats(12)),
    "f8": npy(">f8", (4, 3), floats(12, ">d"), version=2),
    "f2": npy("<f2", (4, 3), floats(12, "<e"), fortran=True),
    "u1": npy("|u1", (1, 4, 3), bytes(12)),
    "i8": npy("<i8", (2,), struct.pack("<2q", 1, 3)),
    "names": npy("<U1", (2,), "ab".encode("utf-32-le")),
    "bytes": npy("|S2", (2,), b"a\0bc"),
    "empty": npy("<f4", (0, 3), b""),
}


def zipped(compression: int, members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return out.getvalue()


def npz() -> dict[str, bytes]:
    batch = {"X.npy": ARRAYS["f4"], "lengths.npy": ARRAYS["i8"], "y.npy": ARRAYS["names"]}
    sets = {
        "a.npy": ARRAYS["f4"],
        "b.npy": ARRAYS["f2"],
        "coords.npy": npy("<i4", (4, 2), struct.pack("<8i", *range(8))),
    }
    methods = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}
    return {
        f"{method}-{name}": zipped(how, members)
        for method, how in methods.items()
        for name, members in {"batch": batch, "sets": sets}.items()
    }


def linear_models() -> dict[str, bytes]:
    """A score for two classes, and one for each of three."""
    two = {
        "coef.npy": npy("<f8", (1, 3), floats(3, "<d")),
        "intercept.npy": npy("<f4", (1,), floats(1)),
        "classes.npy": npy("<i8", (2,), struct.pack("<2q", 0, 1)),
    }
    three = {"coef.npy": npy("<f4", (3, 2), floats(6)), "classes.npy": npy("<U1", (3,), "abc".encode("utf-32-le"))}
    methods = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}
    return {
        f"{method}-{name}": zipped(how, members)
        for method, how in methods.items()
        for name, members in {"two": two, "three": three}.items()
    }


def tensors(parts: dict[str, tuple[str, list[int], bytes]], metadata: dict[str, str] | None = None) -> bytes:
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, (dtype, shape, numbers) in parts.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(numbers)]}
        data += numbers
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def statistics() -> bytes:
    settings = {
        "schema": 1,
        "mixture": "00000000000000ff",
        "n": 4.0,
        "log_likelihood": -8.5,
        "largest": 3.0,
        "dropped": 0.0,
    }
    parts = {
        "s0": ("F64", [2], floats(2, "<d")),
        "z1": ("F64", [2, 3], floats(6, "<d")),
        "z2": ("F64", [2, 3], floats(6, "<d")),
    }
    return tensors(parts, {"fishervec-statistics": json.dumps(settings, separators=(",", ":"))})


def png(bits: int, color: int, samples: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = b"\0" + bytes(range(4 * samples * bits // 8))
    header = struct.pack(">IIBBBBB", 4, 3, bits, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 3)) + chunk(b"IEND", b"")


def tiff(order: str, bits: int, kind: int) -> bytes:
    data = bytes(4 * 3 * bits // 8)
    short, long = 3, 4
    tags = [
        (256, short, 4),
        (257, short, 3),
        (258, short, bits),
        (259, short, 1),
        (262, short, 1),
        (273, long, 8),
        (277, short, 1),
        (278, short, 3),
        (279, long, len(data)),
        (339, short, kind),
    ]
    entries = b"".join(
        struct.pack(order + "HHI", tag, of, 1)
        + struct.pack(order + ("HH" if of == short else "I"), *((value, 0) if of == short else (value,)))
        for tag, of, value in tags
    )
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(data))
    return start + data + struct.pack(order + "H", len(tags)) + entries + bytes(4)


def counted(rows: list[bytes], columns: int) -> bytes:
    return b"".join(struct.pack("<i", columns) + row for row in rows)


def seeds() -> dict[str, dict[str, bytes]]:
    matrix = {"f32": ("F32", [4, 3], floats(12)), "bf16": ("BF16", [2, 3], floats(6, "<e"))}
    batch = {
        "X": ("F32", [4, 3], floats(12)),
        "lengths": ("I64", [2], struct.pack("<2q", 1, 3)),
        "y": ("I32", [2], struct.pack("<2i", 0, -1)),
    }
    return {
        "npy": ARRAYS,
        "npz": npz(),
        "linear_model": linear_models(),
        "safetensors": {"sets": tensors(matrix), "batch": tensors(batch)},
        "fvecs": {"two": counted([floats(3), floats(3)], 3)},
        "bvecs": {"two": counted([bytes(3), bytes(3)], 3)},
        "statistics": {"two": statistics()},
        "png": {"grey": png(8, 0, 1), "rgb": png(8, 2, 3), "rgba16": png(16, 6, 4), "grey16": png(16, 0, 1)},
        "tiff": {
            f"{name}{bits}-{kind}": tiff(order, bits, kind)
            for name, order in (("little", "<"), ("big", ">"))
            for bits, kind in ((8, 1), (16, 1), (32, 3), (16, 2))
        },
        "webp": {"pixel": WEBP},
    }


def pickle_of(path: Path) -> bytes | None:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        return archive.read(names[0]) if names else None


def main(folder: Path) -> None:
    files = seeds()
    saved = [path for path in TESTDATA.glob("pt/*/*.pt") if zipfile.is_zipfile(path)]
    files["pickle"] = {path.stem: data for path in saved if (data := pickle_of(path))}
    for target, data in files.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for name, content in data.items():
            (folder / target / f"made-{name}").write_bytes(content)
    copied = {"pt": "pt/*/*.pt", "hdf5": "**/*.h5", "model": "models/*.safetensors", "jpeg": "jpeg/*.jpg"}
    for target, pattern in copied.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for path in TESTDATA.glob(pattern):
            shutil.copy(path, folder / target / path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
