"""Writes lbfgs.json: PyTorch's LBFGS without a line search, step by step, and optima by SciPy.

Run by hand (needs torch, scipy): python test/optim/goldens/lbfgs.py
"""
import json
import os

import numpy as np
import torch
from scipy.optimize import minimize

rng = np.random.default_rng(5)
x = np.round(rng.normal(size=(60, 4)) * 64) / 64
y = (x @ [1.5, -2, 0.5, 0] + 0.3 + rng.normal(size=60) > 0).astype(float)


def rosenbrock(p):
    return sum(100 * (p[i + 1] - p[i] ** 2) ** 2 + (1 - p[i]) ** 2 for i in range(len(p) - 1))


def steps(loss, start, lr, history, count):
    p = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    opt = torch.optim.LBFGS([p], lr=lr, max_iter=1, history_size=history, tolerance_grad=0, tolerance_change=0)
    kept = []

    def closure():
        opt.zero_grad()
        value = loss(p)
        value.backward()
        return value

    for _ in range(count):
        opt.step(closure)
        kept.append(p.detach().tolist())
    return kept


X, Y = torch.tensor(x), torch.tensor(y)
logistic = lambda p: torch.nn.functional.binary_cross_entropy_with_logits(X @ p, Y) + 0.05 * (p**2).sum()


def fit(p):
    z = x @ p
    return np.mean(np.logaddexp(0, z) - y * z) + 0.05 * (p**2).sum()


best = minimize(fit, np.zeros(4), method="BFGS", options={"gtol": 1e-12})
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "lbfgs.json"), "w") as file:
    json.dump(
        {
            "x": x.tolist(),
            "y": y.tolist(),
            "logistic": steps(logistic, [0.0] * 4, 0.5, 3, 8),
            "best": best.x.tolist(),
            "loss": float(best.fun),
        },
        file,
    )
    file.write("\n")
