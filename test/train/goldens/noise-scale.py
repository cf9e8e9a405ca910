"""Writes noise-scale.json: the gradient noise of a classifier's batch by appendix A.1 of "An empirical model of large-batch training",
from PyTorch's gradients in f64, and means, scale and sizes after 30 measurements in plain Python.

Run by hand (needs torch): python test/train/goldens/noise-scale.py
"""
import json
import math
import os

import numpy as np
import torch

rng = np.random.default_rng(7)
# Multiples of 1/64: exact in f32 and short in JSON.
grid = lambda *shape, scale=1.0: np.round(rng.normal(size=shape) * scale * 64) / 64
rows, features, hidden, classes = 24, 5, 6, 3
x, y = grid(rows, features), rng.integers(0, classes, rows)
weights = {
    "layers/0/weight": grid(features, hidden, scale=0.5),
    "layers/0/bias": grid(hidden, scale=0.1),
    "layers/2/weight": grid(hidden, classes, scale=0.5),
    "layers/2/bias": grid(classes, scale=0.1),
}


def gradient(part):
    p = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in weights.items()}
    h = torch.tanh(torch.tensor(x[part]) @ p["layers/0/weight"] + p["layers/0/bias"])
    logits = h @ p["layers/2/weight"] + p["layers/2/bias"]
    torch.nn.functional.cross_entropy(logits, torch.tensor(y[part])).backward()
    return np.concatenate([v.grad.numpy().ravel() for v in p.values()])


def measured(big, small):
    """A.1: unbiased |G|^2 and S from the squared norms of the gradients of `big` rows and of their parts of `small` rows."""
    whole = np.sum(gradient(slice(0, big)) ** 2)
    part = np.mean([np.sum(gradient(slice(at, at + small)) ** 2) for at in range(0, big, small)])
    return {
        "batchSize": big,
        "signal": (big * whole - small * part) / (big - small),
        "noise": (part - whole) / (1 / small - 1 / big),
    }


def runs(options, values):
    """The size, and the scale (None while unknown), after each measurement."""
    keep, sizes = options["smoothing"], []
    size = options["min"]
    while size <= options["max"]:
        sizes.append(size)
        size *= 2
    place, signal, noise, out = 0, 0.0, 0.0, []
    for i, (s, n) in enumerate(values):
        signal, noise = keep * signal + (1 - keep) * s, keep * noise + (1 - keep) * n
        scale = noise / signal if signal > 0 else None
        if scale is not None and i + 1 >= round(1 / (1 - keep)):
            aim = min(range(len(sizes)), key=lambda k: abs(math.log(sizes[k] / (options["fraction"] * scale))))
            if aim > place:
                place += 1
            elif aim < place and options["shrink"]:
                place -= 1
        out.append([sizes[place], scale])
    return out


values = [[float(s), float(n)] for s, n in zip(rng.normal(1.2, 1.0, 30) * np.exp(-np.arange(30) / 12), rng.uniform(20, 60, 30))]
CASES = [
    dict(min=8, max=256, smoothing=0.9, fraction=1, shrink=False),
    dict(min=8, max=100, smoothing=0.5, fraction=0.5, shrink=True),
    dict(min=4, max=64, smoothing=0, fraction=1, shrink=True),
    dict(min=16, max=64, smoothing=0.8, fraction=2, shrink=False),
]
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "noise-scale.json"), "w") as file:
    json.dump(
        {
            "x": x.tolist(),
            "y": y.tolist(),
            "weights": {name: value.tolist() for name, value in weights.items()},
            "measured": [measured(2, 1), measured(8, 4), measured(24, 12)],
            "values": values,
            "runs": [{"options": options, "after": runs(options, values)} for options in CASES],
        },
        file,
    )
    file.write("\n")
