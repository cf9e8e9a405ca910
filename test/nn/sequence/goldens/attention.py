"""Writes attention.json: PyTorch's attention with the gradients of everything, in f64.

Run by hand (needs torch): python test/nn/sequence/goldens/attention.py
"""
import json
import os

import torch
import torch.nn.functional as F

torch.manual_seed(17)
torch.set_default_dtype(torch.float64)


def exact(*shape):
    return torch.round(torch.randn(*shape) * 32) / 32


def listed(t):
    return {"shape": list(t.shape), "data": [float("%.10g" % x) for x in t.detach().reshape(-1).tolist()]}


def weights(t):
    return torch.sin(torch.arange(1, t.numel() + 1, dtype=torch.float64)).reshape(t.shape)


def dot(q, k, v, mask=None, **options):
    """scaled_dot_product_attention; the bias gets a gradient too."""
    leaves = {"q": exact(*q), "k": exact(*k), "v": exact(*v)}
    if mask is not None and mask.dtype == torch.float64:
        leaves["mask"] = mask
    for leaf in leaves.values():
        leaf.requires_grad_()
    y = F.scaled_dot_product_attention(leaves["q"], leaves["k"], leaves["v"], attn_mask=mask, **options)
    (y * weights(y)).sum().backward()
    return {
        "inputs": {name: listed(leaf) for name, leaf in leaves.items()},
        "visible": None if mask is None or mask.dtype != torch.bool else {"shape": list(mask.shape), "data": mask.flatten().int().tolist()},
        "causal": options.get("is_causal", False),
        "scale": options.get("scale"),
        "y": listed(y),
        "gradients": {name: listed(leaf.grad) for name, leaf in leaves.items()},
    }


seen = torch.rand(2, 1, 5, 7) < 0.6
seen[0, 0, 2] = False  # a query that sees nothing
seen[:, :, 0, 0] = True

dots = {
    "plain": dot((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6)),
    "causal": dot((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 4), is_causal=True),
    "causal, fewer queries than keys": dot((1, 2, 3, 4), (1, 2, 6, 4), (1, 2, 6, 4), is_causal=True),
    "causal, more queries than keys": dot((1, 2, 6, 4), (1, 2, 3, 4), (1, 2, 3, 4), is_causal=True),
    "boolean mask, one query seeing nothing": dot((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 4), mask=seen),
    "mask of each head": dot((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 4), mask=torch.rand(3, 5, 7) < 0.7),
    "bias, scale": dot((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 4), mask=exact(3, 5, 7), scale=0.3),
    "groups": dot((2, 6, 5, 4), (2, 2, 7, 4), (2, 2, 7, 3), enable_gqa=True),
    "groups, causal": dot((1, 4, 5, 2), (1, 1, 5, 2), (1, 1, 5, 2), enable_gqa=True, is_causal=True),
    "without heads": dot((5, 4), (7, 4), (7, 3)),
    "three axes": dot((3, 5, 4), (3, 7, 4), (3, 7, 3)),
    "large scores": dot((1, 1, 4, 3), (1, 1, 4, 3), (1, 1, 4, 3), scale=60.0),
}


def multi(context=None, options=None, **forward):
    """nn.MultiheadAttention of width 6 with three heads over [2, 5, 6]."""
    layer = torch.nn.MultiheadAttention(6, 3, batch_first=True, **(options or {}))
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(exact(*p.shape) / 2)
    x = exact(2, 5, 6).requires_grad_()
    other = None if context is None else exact(*context).requires_grad_()
    source = x if other is None else other
    y, _ = layer(x, source, source, need_weights=False, **forward)
    (y * weights(y)).sum().backward()
    return {
        "bias": layer.in_proj_bias is not None,
        "parameters": {n: listed(p) for n, p in layer.named_parameters()},
        "x": listed(x),
        "context": None if other is None else listed(other),
        "y": listed(y),
        "gradients": {
            "x": listed(x.grad),
            **({} if other is None else {"context": listed(other.grad)}),
            **{n: listed(p.grad) for n, p in layer.named_parameters()},
        },
    }


past = torch.ones(5, 5, dtype=torch.bool).tril()
padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
bias = exact(5, 5)
layers = {
    "self": multi(),
    "causal": multi(attn_mask=~past, is_causal=True),
    "padded": multi(key_padding_mask=padding),
    "biased": {**multi(attn_mask=bias), "added": listed(bias)},
    "cross": multi(context=(2, 4, 6)),
    "cross, another width, no bias": multi(context=(2, 4, 5), options={"kdim": 5, "vdim": 5, "bias": False}),
}

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "attention.json")
with open(out, "w") as file:
    json.dump(
        {"source": f"torch {torch.__version__.split('+')[0]}", "dots": dots, "layers": layers},
        file,
        separators=(",", ":"),
    )
print(out, os.path.getsize(out), "bytes")
