"""Writes nn.json: PyTorch's activations and losses with their gradients, in f64.

Run by hand (needs torch): python test/nn/goldens/generate.py
"""
import json
import os

import numpy as np
import torch
import torch.nn.functional as F

rng = np.random.default_rng(11)


def exact(*shape, scale=1.0):
    return np.round(rng.normal(size=shape) * scale * 64) / 64


def flat(t):
    return [float("%.12g" % x) for x in t.detach().reshape(-1).tolist()]


X = [-1000.0, -80.0, -30.0, -5.0, -3.0, -1.0, -0.125, -1 / 1024, 0.0, 1 / 1024, 0.125, 0.5, 1.0, 3.0, 5.0, 6.0, 30.0, 80.0, 1000.0, 2.0]
T = lambda v: torch.tensor(v, dtype=torch.float64)
ACTIVATIONS = {
    "relu": F.relu,
    "leakyRelu": F.leaky_relu,
    "leakyRelu 0.2": lambda x: F.leaky_relu(x, 0.2),
    "elu": F.elu,
    "elu 0.5": lambda x: F.elu(x, 0.5),
    "selu": F.selu,
    "gelu": F.gelu,
    "geluTanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "mish": lambda x: x * torch.tanh(F.softplus(x, threshold=100)),  # F.mish has no second derivative at 1000
    "softplus": lambda x: F.softplus(x, threshold=100),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "identity": lambda x: x * 1,
    "softmax": lambda x: F.softmax(x, dim=-1),
    "logSoftmax": lambda x: F.log_softmax(x, dim=-1),
    "logSigmoid": F.logsigmoid,
    "softsign": F.softsign,
    "hardTanh": F.hardtanh,
    "hardTanh -0.5 5": lambda x: F.hardtanh(x, -0.5, 5.0),
    "relu6": F.relu6,
    "hardSigmoid": F.hardsigmoid,
    "hardSwish": F.hardswish,
    "prelu": lambda x: F.prelu(x, T([0.25])),
    "glu": F.glu,
    "geglu": lambda x: x.chunk(2, -1)[0] * F.gelu(x.chunk(2, -1)[1]),
    "swiglu": lambda x: x.chunk(2, -1)[0] * F.silu(x.chunk(2, -1)[1]),
    "reglu": lambda x: x.chunk(2, -1)[0] * F.relu(x.chunk(2, -1)[1]),
}
KINKED = ("relu", "leakyRelu", "leakyRelu 0.2", "hardTanh", "hardTanh -0.5 5", "relu6", "hardSigmoid", "hardSwish", "prelu", "reglu", "identity")
activations = {}
for name, f in ACTIVATIONS.items():
    x = torch.tensor(X, dtype=torch.float64, requires_grad=True)
    y = f(x)
    # softmax sums to one, so weigh its outputs
    weights = torch.arange(1, y.numel() + 1, dtype=torch.float64) if name == "softmax" else torch.ones_like(y)
    (slope,) = torch.autograd.grad((y * weights).sum(), x, create_graph=True)
    activations[name] = {"value": flat(y), "gradient": flat(slope)}
    if name not in KINKED:
        (curve,) = torch.autograd.grad((slope * torch.cos(torch.arange(len(X), dtype=torch.float64))).sum(), x)
        # At 0 elu and selu have two second derivatives.
        curve = flat(curve)
        activations[name]["second"] = [None if x == 0 and name.startswith(("elu", "selu")) else c for x, c in zip(X, curve)]

logits = exact(6, 5, scale=3.0)
logits[0] = [90.0, -90.0, 0.0, 3.0, 88.0]
labels = [1, 4, 0, 2, 2, 3]
dense = rng.random((6, 5))
dense = np.round(dense / dense.sum(1, keepdims=True) * 64) / 64
predictions = exact(4, 3)
targets = exact(4, 3)
targets[0, 0] = predictions[0, 0]
binary = (rng.random((4, 3)) < 0.5).astype(float)
binary[1, 1] = 0.25
binaryLogits = exact(4, 3, scale=3.0)
binaryLogits[0] = [60.0, -60.0, 0.0]

LOSSES = {
    "crossEntropy sparse": (logits, lambda x, r: F.cross_entropy(x, torch.tensor(labels), reduction=r)),
    "crossEntropy sparse smooth": (
        logits,
        lambda x, r: F.cross_entropy(x, torch.tensor(labels), reduction=r, label_smoothing=0.1),
    ),
    "crossEntropy dense": (logits, lambda x, r: F.cross_entropy(x, T(dense), reduction=r)),
    "crossEntropy dense smooth": (
        logits,
        lambda x, r: F.cross_entropy(x, T(dense), reduction=r, label_smoothing=0.2),
    ),
    "mse": (predictions, lambda x, r: F.mse_loss(x, T(targets), reduction=r)),
    "mae": (predictions, lambda x, r: F.l1_loss(x, T(targets), reduction=r)),
    "huber": (predictions, lambda x, r: F.huber_loss(x, T(targets), reduction=r)),
    "huber 0.25": (predictions, lambda x, r: F.huber_loss(x, T(targets), reduction=r, delta=0.25)),
    "bce": (binaryLogits, lambda x, r: F.binary_cross_entropy_with_logits(x, T(binary), reduction=r)),
    "bce weight": (
        binaryLogits,
        lambda x, r: F.binary_cross_entropy_with_logits(x, T(binary), reduction=r, pos_weight=T([2.5])),
    ),
}
losses = {}
for name, (x0, f) in LOSSES.items():
    losses[name] = {}
    for reduction in ("mean", "sum", "none"):
        x = torch.tensor(x0, dtype=torch.float64, requires_grad=True)
        y = f(x, reduction)
        y.sum().backward()
        losses[name][reduction] = {"value": flat(y), "gradient": flat(x.grad)}

# The QR of torch.nn.init.orthogonal_, with the signs that make R's diagonal positive; rows of x as columns.
rows = exact(3, 5)
q, r = torch.linalg.qr(T(rows).T)
q = (q * torch.diagonal(r).sign()).T

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nn.json")
with open(out, "w") as file:
    json.dump(
        {
            "source": f"torch {torch.__version__.split('+')[0]}",
            "x": X,
            "activations": activations,
            "logits": logits.tolist(),
            "labels": labels,
            "dense": dense.tolist(),
            "predictions": predictions.tolist(),
            "targets": targets.tolist(),
            "binaryLogits": binaryLogits.tolist(),
            "binary": binary.tolist(),
            "losses": losses,
            "qr": {"x": rows.tolist(), "q": flat(q)},
        },
        file,
        separators=(",", ":"),
    )
print(out, os.path.getsize(out), "bytes")
