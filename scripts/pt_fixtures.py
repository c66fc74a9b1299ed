"""Writes the `.pt` files of crates/fishervec/testdata/pt, which the tests of the reader hold it against.

    python3 -m venv .venv-pt && .venv-pt/bin/pip install torch numpy
    .venv-pt/bin/python scripts/pt_fixtures.py

All are what `torch.save` writes, but for those in `edited` and `hostile`, which change such a file. Every tensor called
features, and every bare one, holds 0, 1, 2, ... in C order, so that the tests know what is to be read.
"""

import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch

FOLDER = Path(__file__).resolve().parent.parent / "crates" / "fishervec" / "testdata" / "pt"


def rows(n: int, d: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.arange(n * d, dtype=torch.float64).reshape(n, d).to(dtype)


def saved(value: object, **options: object) -> bytes:
    out = io.BytesIO()
    torch.save(value, out, **options)
    return out.getvalue()


def good() -> dict[str, bytes]:
    kinds = {
        "f32": torch.float32,
        "f64": torch.float64,
        "f16": torch.float16,
        "bf16": torch.bfloat16,
        "u8": torch.uint8,
    }
    files = {f"bare_{name}": saved(rows(4, 3, dtype)) for name, dtype in kinds.items()}
    large = torch.full((9, 3), -1.0)
    large[2:6] = rows(4, 3)
    files["bare_transposed"] = saved(rows(4, 3).T.contiguous().T)
    files["bare_slice"] = saved(large[2:6])
    files["bare_batch_of_one"] = saved(rows(4, 3)[None])
    files["bare_one_column"] = saved(rows(4, 1))
    files["bare_empty"] = saved(torch.zeros(0, 3))
    files["bare_parameter"] = saved(torch.nn.Parameter(rows(4, 3)))
    files["bare_protocol_4"] = saved(rows(4, 3), pickle_protocol=4)
    files["bare_protocol_5"] = saved(rows(4, 3), pickle_protocol=5)
    coords = torch.arange(8, dtype=torch.int64).reshape(4, 2) * 256
    slide = {
        "features": rows(4, 3),
        "coords": coords,
        "slide_id": "S-1",
        "magnification": 20.0,
        "level": 2**40,
        "shape": rows(4, 3).shape,
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "raw": b"ab",
        "none": None,
        "tags": ["a", ("b", 1)],
        "names": {"a"},
        "ok": True,
    }
    files["dict"] = saved(slide)
    files["dict_protocol_4"] = saved(slide | {"names": {"a", "b"}}, pickle_protocol=4)
    files["ordered"] = saved(OrderedDict(img2=rows(2, 3), img10=rows(4, 3), img1=torch.zeros(0, 3)))
    files["state_dict"] = saved(torch.nn.Linear(3, 4, bias=False).state_dict())
    files["list"] = saved([rows(2, 3), rows(4, 3, torch.float64)])
    files["tuple"] = saved((rows(2, 3), rows(4, 3)))
    files["nested"] = saved({"db": {"a.jpg": {"descriptors": rows(2, 3)}, 7: {"descriptors": rows(4, 3)}}, "n": 2})
    files["batch"] = saved(
        {"X": rows(4, 3), "lengths": torch.tensor([1, 3], dtype=torch.int32), "y": torch.tensor([5, -1])}
    )
    files["batch_of_lists"] = saved({"X": rows(4, 3), "offsets": [0, 1, 4], "y": ["b", "a"]})
    files["one_storage"] = saved({"features": large[2:6], "all": large.reshape(-1)})
    return files


def refused() -> dict[str, bytes]:
    x = rows(8, 3)
    return {
        "bare_vector": saved(torch.arange(3.0)),
        "bare_number": saved(torch.tensor(3.0)),
        "bare_step": saved(x[::2]),
        "bare_columns": saved(x[:, :2]),
        "bare_broadcast": saved(torch.zeros(1, 3).expand(4, 3)),
        "bare_i64": saved(rows(4, 3, torch.int64)),
        "bare_u16": saved(rows(4, 3, torch.uint16)),
        "bare_f8": saved(rows(4, 3, torch.float8_e4m3fn)),
        "bare_complex": saved(rows(4, 3, torch.complex64)),
        "bare_sparse": saved(rows(4, 3).to_sparse()),
        "bare_quantized": saved(torch.quantize_per_tensor(rows(4, 3), 1.0, 0, torch.quint8)),
        "none": saved(None),
        "dict_step": saved({"features": x[::2], "coords": torch.zeros(4, 2)}),
        "model": saved(torch.nn.Linear(3, 2)),
        "numpy": saved({"features": rows(4, 3).numpy()}),
        "legacy": saved(rows(4, 3), _use_new_zipfile_serialization=False),
        "script": scripted(),
    }


def scripted() -> bytes:
    out = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(3, 2), torch.zeros(1, 3)), out)
    return out.getvalue()


# ---- files that torch.save does not write here ---------------------------------------------------------


def members(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def archive(parts: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as into:
        for name, data in parts:
            into.writestr(zipfile.ZipInfo(name), data, compression)
    return out.getvalue()


def edited() -> dict[str, bytes]:
    parts = members(saved(rows(4, 3)))
    cuda = [(name, data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")) for name, data in parts]
    storage = struct.pack(">12f", *range(12))
    big = {"byteorder": b"big", "data/0": storage}
    big = [(name, big.get(name.partition("/")[2], data)) for name, data in parts]
    return {"bare_cuda": archive(cuda), "bare_big_endian": archive(big)}


class Shell:
    def __reduce__(self) -> tuple:
        return os.system, ("echo run",)


def hostile() -> dict[str, bytes]:
    parts = members(saved(rows(4, 3)))
    program = [(name, pickle.dumps(Shell(), 2) if name.endswith("data.pkl") else data) for name, data in parts]
    return {"os_system": archive(program), "compressed": archive(parts, zipfile.ZIP_DEFLATED)}


def main() -> None:
    for folder, files in {"good": good() | edited(), "refused": refused() | hostile()}.items():
        (FOLDER / folder).mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (FOLDER / folder / f"{name}.pt").write_bytes(data)
    print(f"torch {torch.__version__}")


if __name__ == "__main__":
    main()
