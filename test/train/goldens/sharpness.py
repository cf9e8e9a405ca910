"""Writes sharpness.json: the Hessian of a classifier's loss from torch.autograd.functional.hessian in f64, its greatest eigenvalue and the
curvature along the gradient, at the first weights and after 5 full-batch steps of torch's Adam, there of D^(1/2) H D^(1/2) too.

Run by hand (needs torch): python test/train/goldens/sharpness.py
"""
import json
import os

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(11)
# Multiples of 1/64: exact in f32 and short in JSON.
grid = lambda *shape, scale=1.0: np.round(rng.normal(size=shape) * scale * 64) / 64
rows, features, hidden, classes = 64, 5, 6, 3
x, y = grid(rows, features), rng.integers(0, classes, rows)
weights = {
    "layers/0/weight": grid(features, hidden, scale=0.5),
    "layers/0/bias": grid(hidden, scale=0.1),
    "layers/2/weight": grid(hidden, classes, scale=0.5),
    "layers/2/bias": grid(classes, scale=0.1),
}
shapes = [value.shape for value in weights.values()]
flat = torch.tensor(np.concatenate([value.ravel() for value in weights.values()]))


def loss(p):
    w1, b1, w2, b2 = (part.reshape(shape) for part, shape in zip(p.split([int(np.prod(s)) for s in shapes]), shapes))
    return torch.nn.functional.cross_entropy(torch.tanh(torch.tensor(x) @ w1 + b1) @ w2 + b2, torch.tensor(y))


def at(p, scale):
    """D for D^(1/2) H D^(1/2) and D^(1/2) g."""
    h = torch.autograd.functional.hessian(loss, p)
    g = torch.autograd.functional.jacobian(loss, p)
    root = scale.sqrt()
    h, g = root[:, None] * h * root[None, :], root * g
    return {"sharpness": torch.linalg.eigvalsh(h)[-1].item(), "alongGradient": (g @ h @ g / (g @ g)).item()}


rate, steps, (beta1, beta2), epsilon = 0.02, 5, (0.9, 0.999), 1e-8
p = flat.clone().requires_grad_()
optimizer = torch.optim.Adam([p], lr=rate, betas=(beta1, beta2), eps=epsilon)
for _ in range(steps):
    optimizer.zero_grad()
    loss(p).backward()
    optimizer.step()
# Of the step that would come next.
g = torch.autograd.functional.jacobian(loss, p.detach())
v = beta2 * optimizer.state[p]["exp_avg_sq"] + (1 - beta2) * g**2
scale = 1 / ((v / (1 - beta2 ** (steps + 1))).sqrt() + epsilon)
edge = 2 * (1 + beta1) / (1 - beta1) * (1 - beta1 ** (steps + 1)) / rate

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "sharpness.json"), "w") as file:
    json.dump(
        {
            "x": x.tolist(),
            "y": y.tolist(),
            "weights": {name: value.tolist() for name, value in weights.items()},
            "first": at(flat, torch.ones_like(flat)),
            "adam": {"rate": rate, "steps": steps, **at(p.detach(), scale), "edge": edge},
        },
        file,
    )
    file.write("\n")
