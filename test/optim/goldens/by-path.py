"""Writes by-path.json: parameters after each of 10 steps with given gradients, by PyTorch's parameter groups in float64.

Run by hand (needs torch): python test/optim/goldens/by-path.py
Parameters and gradients are multiples of 1/64, exact in both precisions.
"""
import json
import os

import numpy as np
import torch

STEPS = 10
rng = np.random.default_rng(5)
SHAPES = {f"layers/{i}/{name}": size for i in range(3) for name, size in (("bias", 2), ("weight", 4))}


def exact(size):
    return np.round(rng.normal(size=size) * 64) / 64


PARAMS = {path: exact(size) for path, size in SHAPES.items()}
GRADS = [{path: exact(size) for path, size in SHAPES.items()} for _ in range(STEPS)]


def run(groups, optimizer):
    """groups: from a path to its options."""
    params = {path: torch.tensor(value, requires_grad=True) for path, value in PARAMS.items()}
    made = optimizer([{"params": [param], **groups(path)} for path, param in params.items()])
    seen = []
    for grads in GRADS:
        for path, param in params.items():
            param.grad = torch.tensor(grads[path])
        made.step()
        seen.append({path: param.detach().tolist() for path, param in params.items()})
    return seen


def options(path):
    own = {}
    if path.startswith("layers/2"):
        own["lr"] = 0.05
    if path.endswith("bias"):
        own["weight_decay"] = 0.0
    return own


def factors(path):
    return {"lr": 0.02 * (0.25 if path.startswith("layers/0") else 3.0 if path.endswith("bias") else 1.0)}


def layer_wise(path):
    return {"lr": 0.02 * 0.75 ** (2 - int(path.split("/")[1]))}


def adamw(groups):
    return torch.optim.AdamW(groups, lr=0.02, weight_decay=0.1)


runs = {
    "perParameter": run(options, adamw),
    "scaleByPath": run(factors, lambda groups: torch.optim.SGD(groups, lr=0.02, momentum=0.9)),
    "layerWise": run(layer_wise, adamw),
}
out = {
    "params": {path: value.tolist() for path, value in PARAMS.items()},
    "grads": [{path: value.tolist() for path, value in grads.items()} for grads in GRADS],
    "runs": runs,
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "by-path.json"), "w") as file:
    json.dump(out, file)
