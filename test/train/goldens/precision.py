"""Writes precision.json: loss and gradients of a classifier under PyTorch's autocast to bf16 on the CPU, beside those in f32, and what
torch.amp.GradScaler makes of its scale after steps with and without finite gradients.

Run by hand (needs torch): python test/train/goldens/precision.py
"""
import json
import os

import numpy as np
import torch

rng = np.random.default_rng(11)
# Multiples of 1/64: exact in f32 and short in JSON.
grid = lambda *shape, scale=1.0: np.round(rng.normal(size=shape) * scale * 64) / 64
rows, features, hidden, classes = 16, 12, 10, 4
x, y = grid(rows, features), rng.integers(0, classes, rows)
weights = {
    "layers/0/weight": grid(features, hidden, scale=0.4),
    "layers/0/bias": grid(hidden, scale=0.2),
    "layers/2/weight": grid(hidden, hidden, scale=0.4),
    "layers/2/bias": grid(hidden, scale=0.2),
    "layers/4/weight": grid(hidden, classes, scale=0.4),
    "layers/4/bias": grid(classes, scale=0.2),
}


def step(autocast):
    """Layers through F.linear, as nn.Linear is; weights as nabla has them, [inputs, outputs]."""
    p = {name: torch.tensor(value, dtype=torch.float32, requires_grad=True) for name, value in weights.items()}
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        h = torch.tensor(x, dtype=torch.float32)
        for at in (0, 2, 4):
            h = torch.nn.functional.linear(h, p[f"layers/{at}/weight"].T, p[f"layers/{at}/bias"])
            if at < 4:
                h = torch.relu(h)
        loss = torch.nn.functional.cross_entropy(h, torch.tensor(y))
    loss.backward()
    return {"loss": loss.item(), "grads": {name: v.grad.numpy().tolist() for name, v in p.items()}}


def scales(found, interval, first):
    """(scale, steps since it changed) after each step, by the kernel that GradScaler.update runs (its class leaves the CPU out)."""
    scale, good = torch.tensor(first), torch.tensor(0, dtype=torch.int32)
    out = []
    for bad in found:
        torch._amp_update_scale_(scale, good, torch.tensor(1.0 if bad else 0.0), 2.0, 0.5, interval)
        out.append([scale.item(), good.item()])
    return out


found = [0] * 3 + [1] + [0] * 6 + [1, 1] + [0] * 9
random = (rng.random(60) < 0.2).astype(int).tolist()
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "precision.json"), "w") as file:
    json.dump(
        {
            "x": x.tolist(),
            "y": y.tolist(),
            "weights": {name: value.tolist() for name, value in weights.items()},
            "f32": step(False),
            "bf16": step(True),
            "scales": [
                {"found": f, "interval": interval, "first": first, "after": scales(f, interval, first)}
                for f, interval, first in [
                    (found, 4, 2.0**16),
                    (random, 3, 2.0**16),
                    ([0] * 12, 2, 2.0**125),  # it stays finite
                    ([1] * 8, 2, 2.0**-146),  # it ends at 0
                ]
            ],
        },
        file,
    )
    file.write("\n")
