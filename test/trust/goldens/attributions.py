"""Writes attributions.json: attributions and attacks of a small network in PyTorch, f64, each in a few lines from its definition.

Images are exported as [n, height, width, channels], kernels as [height, width, in, out], so that the flattened axis is theirs too.
Run by hand (needs PyTorch, numpy): python test/trust/goldens/attributions.py
"""
import json
import os

import numpy as np
import torch
import torch.nn.functional as F

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.backends.nnpack.set_flags(False)
n, height, width, channels, classes = 5, 7, 6, 2, 3


def rounded(*shape, scale=1.0):
    return (torch.randn(*shape) * scale * 64).round() / 64  # exact in f32


weights = {
    "first": rounded(4, channels, 3, 3, scale=0.4),
    "firstBias": rounded(4, scale=0.2),
    "second": rounded(5, 4, 2, 2, scale=0.4),
    "secondBias": rounded(5, scale=0.2),
    "last": rounded(classes, 4 * 3 * 5, scale=0.3),
    "lastBias": rounded(classes, scale=0.2),
}
x = ((torch.rand(n, channels, height, width) * 64).round() / 64).requires_grad_()
targets = torch.tensor([0, 1, 2, 1, 0])


def net(x, act, tap=None):
    a = act(F.conv2d(x, weights["first"], weights["firstBias"]))
    if tap is not None:
        tap.append(a)
    b = act(F.conv2d(a, weights["second"], weights["secondBias"]))
    return b.permute(0, 2, 3, 1).flatten(1) @ weights["last"].T + weights["lastBias"]


def score(x, act):
    return net(x, act).gather(1, targets[:, None])[:, 0]


def gradient(x, act):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(score(x, act).sum(), x)[0]


def integrated(act, alphas, shares, baseline):
    b = torch.full_like(x, baseline)
    total = sum(s * gradient(b + a * (x.detach() - b), act) for a, s in zip(alphas, shares))
    return (x.detach() - b) * total


def occluded(act, window, stride, fill):
    """Windows start at 0, stride, ... until one reaches the end, where it is cut off; the mean over the windows that cover an element."""
    starts = [range(0, max(size - w, 0) + (-(size - w) % s if size > w else 0) + 1, s) for size, w, s in zip((height, width), window, stride)]
    total, count = torch.zeros_like(x), torch.zeros_like(x)
    base = score(x, act)
    for r in starts[0]:
        for c in starts[1]:
            changed = x.detach().clone()
            changed[:, :, r : r + window[0], c : c + window[1]] = fill
            fall = (base - score(changed, act)).detach()[:, None, None, None]
            total[:, :, r : r + window[0], c : c + window[1]] += fall
            count[:, :, r : r + window[0], c : c + window[1]] += 1
    assert (count > 0).all()
    return total / count


def cam(act):
    tap = []
    s = net(x, act, tap).gather(1, targets[:, None]).sum()
    (g,) = torch.autograd.grad(s, tap[0])
    return (g.mean((2, 3), keepdim=True) * tap[0]).sum(1, keepdim=True).detach()


def attack(act, norm, epsilon, step, steps):
    """No random start; kept in [0, 1]."""
    clean = x.detach()
    adv = clean.clone()
    for _ in range(steps):
        adv.requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(net(adv, act), targets, reduction="sum"), adv)
        adv = adv.detach()
        if norm == "linf":
            adv = clean + (adv + step * g.sign() - clean).clamp(-epsilon, epsilon)
        else:
            length = lambda d: d.flatten(1).norm(dim=1)[:, None, None, None]
            d = adv + step * g / length(g) - clean
            adv = clean + d * (epsilon / length(d)).clamp(max=1)
        adv = adv.clamp(0, 1)
    return adv


def flat(t):
    t = t.detach()
    if t.ndim == 4:
        t = t.permute(0, 2, 3, 1)
    return [float("%.9g" % v) for v in t.flatten().tolist()]


out = {
    "source": f"PyTorch {torch.__version__}",
    "shape": [n, height, width, channels],
    "x": flat(x),
    "targets": targets.tolist(),
    "weights": {
        k: {"shape": list(v.shape), "data": flat(v)}
        for k, v in (
            (k, v.permute(2, 3, 1, 0) if v.ndim == 4 else v.T if v.ndim == 2 else v) for k, v in weights.items()
        )
        for v in [v.contiguous()]
    },
}
# flat() permutes 4-d tensors as images are: kernels are in order already.
for k, v in weights.items():
    if v.ndim == 4:
        out["weights"][k]["data"] = [float(a) for a in v.permute(2, 3, 1, 0).flatten().tolist()]
nodes, shares = np.polynomial.legendre.leggauss(20)
for name, act in (("tanh", torch.tanh), ("relu", torch.relu)):
    upsampled = F.interpolate(torch.relu(cam(act)), (height, width), mode="bilinear", align_corners=False)
    g = torch.stack([gradient(x + torch.randn_like(x) * 0.1, act) for _ in range(4000)])
    out[name] = {
        "logits": flat(net(x, act)),
        "gradient": flat(gradient(x, act)),
        "noisy": {"deviation": 0.1, "mean": flat(g.mean(0)), "std": flat(g.std(0))},
        "gaussLegendre": flat(integrated(act, (nodes + 1) / 2, shares / 2, 0.25)),
        "midpoint": flat(integrated(act, (np.arange(20) + 0.5) / 20, np.full(20, 1 / 20), 0.25)),
        "right": flat(integrated(act, np.arange(1, 21) / 20, np.full(20, 1 / 20), 0.25)),
        "difference": flat((score(x, act) - score(torch.full_like(x, 0.25), act)).detach()),
        "occlusion": flat(occluded(act, (2, 3), (2, 2), 0.2)),
        "occlusionUneven": flat(occluded(act, (3, 4), (3, 3), 0.0)),
        "cam": flat(cam(act)),
        "camLarge": flat(upsampled),
        "fgsm": flat(attack(act, "linf", 0.05, 0.05, 1)),
        "linf": flat(attack(act, "linf", 0.1, 0.03, 7)),
        "l2": flat(attack(act, "l2", 0.5, 0.2, 7)),
    }
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "attributions.json"), "w") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
