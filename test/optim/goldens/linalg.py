"""Writes linalg.json: NumPy's eigenvalues of A + A^T and its R of A. Run by hand: python test/optim/goldens/linalg.py"""
import json
import os

import numpy as np

rng = np.random.default_rng(3)
a = np.round(rng.normal(size=(7, 7)) * 64) / 64
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "linalg.json")
with open(out, "w") as file:
    values = {"a": a, "w": np.linalg.eigvalsh(a + a.T), "r": np.linalg.qr(a)[1]}
    json.dump({name: value.reshape(-1).tolist() for name, value in values.items()}, file, separators=(",", ":"))
