"""Writes files.json: files of NumPy and pyarrow, in base64, with what they hold.

Run by hand (needs numpy and pyarrow): python test/data/goldens/generate.py
"""
import base64
import datetime as dt
import io
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

rng = np.random.default_rng(7)
arrays = []
for descr in ["<f2", "<f4", ">f4", "<f8", ">f8", "|b1", "|i1", "<i2", ">i2", "<i4", "<i8", ">i8", "|u1", "<u2", "<u4", "<u8"]:
    kind = np.dtype(descr).kind
    values = rng.normal(size=(3, 2, 2)) * 8 if kind == "f" else rng.integers(0, 2 if kind == "b" else 100, (3, 2, 2))
    if kind == "i":
        values = values - 50
    for order in "CF":
        array = np.array(values, dtype=descr, order=order)
        file = io.BytesIO()
        np.save(file, array)
        arrays.append((f"{descr} {order}", file.getvalue(), array.astype(float)))
for version in [(1, 0), (2, 0), (3, 0)]:
    array = np.arange(5, dtype="<i4")
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    arrays.append((f"version {version[0]}", file.getvalue(), array.astype(float)))
special = np.array([0, -0.0, np.inf, -np.inf, 65504, 2**-24, 2**-14, 0.333251953125], dtype="<f2")
file = io.BytesIO()
np.save(file, special)
arrays.append(("f2, special", file.getvalue(), special.astype(float)))


def number(value):
    return value if np.isfinite(value) else {np.inf: "Infinity", -np.inf: "-Infinity"}[value]


text = lambda content: base64.b64encode(content).decode()
npy = [
    {"name": name, "file": text(content), "shape": list(array.shape), "values": [number(v) for v in array.ravel().tolist()]}
    for name, content, array in arrays
]

x, y = rng.normal(size=(4, 3)).astype("f4"), np.arange(4)
npz = {"x": x.ravel().tolist(), "y": y.tolist()}
for name, save in [("stored", np.savez), ("deflated", np.savez_compressed)]:
    file = io.BytesIO()
    save(file, x=x, y=y)
    npz[name] = text(file.getvalue())

day = dt.date(2026, 1, 31)
table = pa.table(
    {
        "f64": pa.array([1.5, None, -2.25, 1e300, 0.0, 3.0], pa.float64()),
        "f32": pa.array([1.5, None, -2.25, 8.0, 0.0, 3.0], pa.float32()),
        "i64": pa.array([1, 2**53, None, -5, 0, 3], pa.int64()),
        "u8": pa.array([1, 255, None, 5, 0, 3], pa.uint8()),
        "flag": pa.array([True, False, None, True, True, False]),
        "town": pa.array(["Bern", "Oslo", None, "Bern", "Zürich", "東京"]),
        "coded": pa.array(["a", "b", None, "a", "b", "b"]).dictionary_encode(),
        "day": pa.array([day, None, day, day, day, dt.date(1969, 12, 31)]),
        "time": pa.array([dt.datetime(2026, 1, 31, 12, 30, 0, 250000)] * 5 + [None], pa.timestamp("us", tz="UTC")),
    }
)
parquet = {}
for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
    for version in ["1.0", "2.6"]:
        file = io.BytesIO()
        pq.write_table(table, file, compression=codec, version=version, row_group_size=4, data_page_version=version[:1] + ".0")
        parquet[f"{codec} {version}"] = text(file.getvalue())
nested = io.BytesIO()
pq.write_table(pa.table({"a": [1, 2], "b": pa.array([[1, 2], [3]])}), nested)
parquet_nested = text(nested.getvalue())

path = os.path.join(os.path.dirname(__file__), "files.json")
with open(path, "w") as out:
    json.dump(
        {"versions": {"numpy": np.__version__, "pyarrow": pa.__version__}, "npy": npy, "npz": npz, "parquet": parquet, "nested": parquet_nested},
        out,
        indent=1,
    )
    out.write("\n")
