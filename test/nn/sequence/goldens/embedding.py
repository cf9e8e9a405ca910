"""Writes embedding.json: PyTorch's embedding (padded, tied), and positions as their papers' formulas, in f64.

Run by hand (needs torch): python test/nn/sequence/goldens/embedding.py
"""
import json
import math
import os

import torch
import torch.nn.functional as F

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)


def exact(*shape):
    return torch.round(torch.randn(*shape) * 32) / 64


def listed(t):
    return {"shape": list(t.shape), "data": [float("%.10g" % x) for x in t.detach().reshape(-1).tolist()]}


def weights(t):
    return torch.sin(torch.arange(1, t.numel() + 1, dtype=torch.float64)).reshape(t.shape)


def padded():
    weight = exact(7, 3).requires_grad_()
    indices = torch.tensor([[0, 2, 6, 2], [5, 2, 2, 1]])
    y = F.embedding(indices, weight, padding_idx=2)
    (y * weights(y)).sum().backward()
    return {"weight": listed(weight), "indices": indices.tolist(), "y": listed(y), "gradient": listed(weight.grad)}


def tied():
    weight = exact(5, 3).requires_grad_()
    inner = exact(3, 3).requires_grad_()
    indices = torch.tensor([[0, 4, 1], [4, 4, 3]])
    logits = torch.tanh(F.embedding(indices, weight) @ inner) @ weight.T
    (logits * weights(logits)).sum().backward()
    return {
        "weight": listed(weight),
        "inner": listed(inner),
        "indices": indices.tolist(),
        "y": listed(logits),
        "gradient": listed(weight.grad),
        "innerGradient": listed(inner.grad),
    }


def sinusoidal(positions, width):
    table = [
        [f(p / 10000 ** (2 * i / width)) for i in range(width // 2) for f in (math.sin, math.cos)] for p in positions
    ]
    return listed(torch.tensor(table))


def rotated(interleaved, offset, base):
    """As products of complex numbers: the pair a + b i times e^(i angle)."""
    x = exact(2, 3, 5, 6).requires_grad_()
    width = x.shape[-1]
    pairs = x.reshape(*x.shape[:-1], width // 2, 2) if interleaved else torch.stack(x.chunk(2, -1), -1)
    angle = torch.arange(offset, offset + 5)[:, None] * base ** (-torch.arange(0, width, 2) / width)
    turned = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * torch.polar(torch.ones_like(angle), angle))
    y = turned.reshape(x.shape) if interleaved else torch.cat(turned.unbind(-1), -1)
    (y * weights(y)).sum().backward()
    return {"x": listed(x), "offset": offset, "base": base, "y": listed(y), "gradient": listed(x.grad)}


result = {
    "source": f"torch {torch.__version__.split('+')[0]}",
    "padded": padded(),
    "tied": tied(),
    "sinusoidal": {"positions": [0, 1, 2, 50, 511], "table": sinusoidal([0, 1, 2, 50, 511], 10)},
    "rotary": {"half": rotated(False, 3, 10000), "interleaved": rotated(True, 100, 500)},
}
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "embedding.json")
with open(out, "w") as file:
    json.dump(result, file, separators=(",", ":"))
print(out, os.path.getsize(out), "bytes")
