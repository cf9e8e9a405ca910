"""Writes losses.json: PyTorch's losses in f64 for every reduction, with all gradients and second derivatives.

Where PyTorch has no such loss, or weighs means otherwise, the formula stands here.
Run by hand (needs torch): python test/nn/goldens/losses.py
"""
import json
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

rng = np.random.default_rng(23)


def exact(*shape, scale=1.0):
    """Numbers that f32 holds."""
    return np.round(rng.normal(size=shape) * scale * 64) / 64


def number(x):
    return float("%.9g" % x) if math.isfinite(x) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(x, "NaN")


def flat(t):
    return [number(x) for x in t.detach().reshape(-1).tolist()]


cases = {}


def case(name, inputs, loss, wrt, second=(), reductions=("mean", "sum", "none")):
    """`loss(tensors, reduction)` with its gradients by `wrt`, and second derivatives of the mean; "none" has the sum's gradients."""
    results = {}
    for reduction in reductions:
        tensors = {
            k: torch.tensor(v, dtype=torch.int64 if np.asarray(v).dtype.kind == "i" else torch.float64)
            for k, v in inputs.items()
        }
        for k in wrt:
            tensors[k].requires_grad_()
        y = loss(tensors, reduction)
        result = results[reduction] = {"value": flat(y)}
        if reduction == "none" and len(reductions) > 1:
            continue
        grads = torch.autograd.grad(y.sum(), [tensors[k] for k in wrt], create_graph=bool(second))
        result["gradients"] = {k: flat(g) for k, g in zip(wrt, grads)}
        if second and reduction == reductions[0]:
            result["second"] = {}
            for k, g in zip(wrt, grads):
                if k not in second:
                    continue
                direction = torch.cos(torch.arange(g.numel(), dtype=torch.float64)).reshape(g.shape)
                (h,) = torch.autograd.grad((g * direction).sum(), tensors[k], retain_graph=True)
                result["second"][k] = flat(h)
    cases[name] = {"inputs": {k: np.asarray(v).tolist() for k, v in inputs.items()}, "results": results}


def weighed(values, weights, reduction):
    """A weighted mean divides by the weights' sum."""
    w = weights.reshape(list(weights.shape) + [1] * (values.dim() - weights.dim())).expand(values.shape)
    if reduction == "mean":
        return (values * w).sum() / w.sum()
    return (values * w).sum() if reduction == "sum" else values * w


def plain(values, reduction):
    return weighed(values, torch.ones_like(values), reduction)


# Regression.
p, t = exact(7, 3, scale=2.0), exact(7, 3, scale=2.0)
t[0, 0] = p[0, 0]
t[1, 1] = p[1, 1] + 1000
w7, w73 = np.array([1.0, 0.5, 0.0, 2.0, 1.5, 0.25, 3.0]), np.abs(exact(7, 3)) + 0.125
keep7 = np.array([1.0, 0, 1, 1, 0, 1, 1])
REGRESSION = {
    "mse": (lambda d, r: F.mse_loss(d["p"], d["t"], reduction=r), lambda d: F.mse_loss(d["p"], d["t"], reduction="none")),
    "mae": (lambda d, r: F.l1_loss(d["p"], d["t"], reduction=r), lambda d: F.l1_loss(d["p"], d["t"], reduction="none")),
    "huber 0.5": (
        lambda d, r: F.huber_loss(d["p"], d["t"], reduction=r, delta=0.5),
        lambda d: F.huber_loss(d["p"], d["t"], reduction="none", delta=0.5),
    ),
    "smoothL1": (lambda d, r: F.smooth_l1_loss(d["p"], d["t"], reduction=r), None),
    "smoothL1 0.25": (lambda d, r: F.smooth_l1_loss(d["p"], d["t"], reduction=r, beta=0.25), None),
    "smoothL1 0": (lambda d, r: F.smooth_l1_loss(d["p"], d["t"], reduction=r, beta=0.0), None),
}
for name, (loss, values) in REGRESSION.items():
    second = () if name in ("mae", "smoothL1 0") else ("p",)
    case(name, {"p": p, "t": t}, loss, ("p", "t"), second)
    if values:
        case(f"{name} weights", {"p": p, "t": t, "w": w7}, lambda d, r: weighed(values(d), d["w"], r), ("p", "t"))
        case(f"{name} mask", {"p": p, "t": t, "keep": keep7}, lambda d, r: weighed(values(d), d["keep"], r), ("p", "t"))
case("mse element weights", {"p": p, "t": t, "w": w73}, lambda d, r: F.mse_loss(d["p"], d["t"], weight=d["w"], reduction=r), ("p", "t", "w"))

# Classes.
x = exact(7, 5, scale=3.0)
extreme = exact(7, 5)
extreme[0] = [1000, -1000, 0, 3, 999]
extreme[1] = [-1000, -1000, -1000, -1000, -1000]
extreme[2] = [1000, 1000, 0, 0, -1000]
labels = np.array([1, 4, 0, 2, 2, 3, 0])
ignored = np.array([1, -100, 0, 2, -100, 3, 0])
cw = np.array([0.5, 2.0, 1.0, 0.25, 3.0])
dense = rng.random((7, 5)) + 0.05
dense = np.round(dense / dense.sum(1, keepdims=True) * 64) / 64
grid, gridLabels = exact(2, 3, 5, scale=2.0), np.array([[0, 4, -1], [2, -1, 1]])
kinds = {"classes": labels, "ignored": ignored}
for name, source in {"": x, " extreme": extreme}.items():
    for weights in (False, True):
        for target in kinds:
            for smooth in (0.0, 0.1):
                case(
                    f"crossEntropy{name} {target}{' weights' if weights else ''}{' smooth' if smooth else ''}",
                    {"x": source, "cw": cw, "labels": kinds[target]},
                    lambda d, r: F.cross_entropy(
                        d["x"], d["labels"], weight=d["cw"] if weights else None, label_smoothing=smooth, reduction=r
                    ),
                    ("x",),
                    ("x",) if name == "" else (),
                )
        for smooth in (0.0, 0.1):
            case(
                f"crossEntropy{name} dense{' weights' if weights else ''}{' smooth' if smooth else ''}",
                {"x": source, "cw": cw, "t": dense},
                lambda d, r: F.cross_entropy(d["x"], d["t"], weight=d["cw"] if weights else None, label_smoothing=smooth, reduction=r),
                ("x", "t"),
            )
case(
    "crossEntropy sample weights",
    {"x": x, "labels": labels, "w": w7},
    lambda d, r: weighed(F.cross_entropy(d["x"], d["labels"], reduction="none"), d["w"], r),
    ("x",),
)
case(
    "crossEntropy sample and class weights",
    {"x": x, "labels": labels, "w": w7, "cw": cw},
    lambda d, r: (lambda v: v.sum() / (d["w"] * d["cw"][d["labels"]]).sum() if r == "mean" else v.sum() if r == "sum" else v)(
        F.cross_entropy(d["x"], d["labels"], weight=d["cw"], reduction="none") * d["w"]
    ),
    ("x",),
)
case(
    "crossEntropy mask",
    {"x": x, "labels": labels, "keep": keep7},
    lambda d, r: weighed(F.cross_entropy(d["x"], d["labels"], reduction="none"), d["keep"], r),
    ("x",),
)
case(
    "crossEntropy grid",
    {"x": grid, "cw": cw, "labels": gridLabels},
    lambda d, r: F.cross_entropy(d["x"].permute(0, 2, 1), d["labels"], weight=d["cw"], ignore_index=-1, reduction=r),
    ("x",),
)
case(
    "nll",
    {"x": x, "labels": labels},
    lambda d, r: F.nll_loss(d["x"], d["labels"], reduction=r),
    ("x",),
)
case(
    "nll weights ignored",
    {"x": x, "cw": cw, "labels": ignored},
    lambda d, r: F.nll_loss(d["x"], d["labels"], weight=d["cw"], reduction=r),
    ("x",),
)

# Divergence.
logp = np.log(np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0.2, 0.3, 0.5], [0.9, 0.05, 0.05]])).astype(np.float32).astype(float)
q = np.array([[0.25, 0.25, 0.5], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.75, 0.125, 0.125]])
w4 = np.array([1.0, 2.0, 0.5, 0.0])
kl = lambda d: F.kl_div(d["y"], d["t"], reduction="none").sum(-1)
case("klDivergence", {"y": logp, "t": q}, lambda d, r: plain(kl(d), r), ("y",))
case("klDivergence targets", {"y": logp, "t": np.maximum(q, 0.125)}, lambda d, r: plain(kl(d), r), ("y", "t"), ("t",))
case("klDivergence batchmean", {"y": logp, "t": q}, lambda d, r: F.kl_div(d["y"], d["t"], reduction="batchmean"), ("y",), reductions=("mean",))
case("klDivergence weights", {"y": logp, "t": q, "w": w4}, lambda d, r: weighed(kl(d), d["w"], r), ("y",))
case(
    "klDivergence log targets",
    {"y": logp, "t": logp[::-1].copy()},
    lambda d, r: plain(F.kl_div(d["y"], d["t"], reduction="none", log_target=True).sum(-1), r),
    ("y", "t"),
    ("t",),
)

# Binary.
b = exact(4, 3, scale=3.0)
b[0] = [1000.0, -1000.0, 0.0]
b[3] = [-1000.0, 1000.0, 20.0]
bits = (rng.random((4, 3)) < 0.5).astype(float)
bits[0] = [1, 0, 1]
bits[3] = [1, 0, 1]
soft = bits.copy()
soft[1] = [0.25, 0.75, 0.5]
pw = np.array([2.5, 0.5, 1.0])
bcel = lambda d, r, **k: F.binary_cross_entropy_with_logits(d["x"], d["t"], reduction=r, **k)
case("bceWithLogits", {"x": b, "t": soft}, bcel, ("x", "t"), ("x",))
case("bceWithLogits positive", {"x": b, "t": soft, "pw": pw}, lambda d, r: bcel(d, r, pos_weight=d["pw"]), ("x", "t"), ("x",))
case("bceWithLogits weights", {"x": b, "t": soft, "w": w4}, lambda d, r: weighed(bcel(d, "none"), d["w"], r), ("x",))
case("bceWithLogits mask", {"x": b, "t": soft, "keep": np.array([0.0, 1, 1, 1])}, lambda d, r: weighed(bcel(d, "none"), d["keep"], r), ("x",))
probs = np.array([[0.0, 1.0, 0.5], [0.25, 0.125, 0.75], [1.0, 0.0, 0.0625], [0.5, 0.9375, 0.375]])
case("bce", {"x": probs, "t": soft}, lambda d, r: F.binary_cross_entropy(d["x"], d["t"], reduction=r), ("x",))
inner = np.clip(probs, 0.0625, 0.9375)
case("bce inner", {"x": inner, "t": soft}, lambda d, r: F.binary_cross_entropy(d["x"], d["t"], reduction=r), ("x", "t"), ("x",))


def sigmoid_focal(d, r, gamma, alpha):
    """As torchvision.ops.sigmoid_focal_loss, with 1 - p_t not by subtraction."""
    s, t = torch.sigmoid(d["x"]), d["t"]
    ce = F.binary_cross_entropy_with_logits(d["x"], t, reduction="none")
    wrong = torch.sigmoid(-d["x"]) * t + s * (1 - t)
    loss = ce * wrong**gamma
    return plain(loss if alpha is None else loss * (alpha * t + (1 - alpha) * (1 - t)), r)


mild = exact(4, 3, scale=3.0)
for name, gamma, alpha in (("focal", 2.0, 0.25), ("focal 1.5", 1.5, None), ("focal 0.5", 0.5, 0.75), ("focal 0", 0.0, 0.25)):
    case(name, {"x": mild, "t": soft}, lambda d, r: sigmoid_focal(d, r, gamma, alpha), ("x",), ("x",))
case("focal extreme", {"x": b, "t": bits}, lambda d, r: sigmoid_focal(d, r, 2.0, 0.25), ("x",))
case("focal 1.5 extreme", {"x": b, "t": bits}, lambda d, r: sigmoid_focal(d, r, 1.5, 0.25), ("x",))


def categorical_focal(d, r, gamma, weights, ignore=None):
    logp = F.log_softmax(d["x"], -1)
    label = d["labels"].clamp(min=0)
    kept = (d["labels"] >= 0).to(logp.dtype)
    right = logp.gather(-1, label[:, None])[:, 0]
    count = kept * (d["cw"][label] if weights else 1)
    values = -((1 - right.exp()) ** gamma) * right * count
    return values.sum() / count.sum() if r == "mean" else values.sum() if r == "sum" else values


case("categoricalFocal", {"x": x, "labels": labels}, lambda d, r: categorical_focal(d, r, 2.0, False), ("x",), ("x",))
case("categoricalFocal weights ignored", {"x": x, "cw": cw, "labels": ignored}, lambda d, r: categorical_focal(d, r, 1.5, True), ("x",))

# Margins.
sign = np.where(rng.random((4, 3)) < 0.5, -1.0, 1.0)
case("hinge", {"x": mild, "t": sign}, lambda d, r: plain(F.relu(1 - d["x"] * d["t"]), r), ("x",))
case("hinge squared", {"x": mild, "t": sign}, lambda d, r: plain(F.relu(0.5 - d["x"] * d["t"]) ** 2, r), ("x",), ("x",))
for name, p_, margin, weights in (("multiMargin", 1, 1.0, False), ("multiMargin squared weights", 2, 0.5, True)):
    case(
        name,
        {"x": x, "cw": cw, "labels": labels},
        lambda d, r: F.multi_margin_loss(d["x"], d["labels"], p=p_, margin=margin, weight=d["cw"] if weights else None, reduction=r),
        ("x",),
    )

# Embeddings.
a, c, e = exact(6, 5), exact(6, 5), exact(6, 5)
a[3] = 0
together = np.array([1, -1, 1, -1, -1, 1])
w6 = np.array([1.0, 2.0, 0.0, 0.5, 1.0, 3.0])
nonzero = np.where(a == 0, 0.25, a)
case("cosineSimilarity", {"a": nonzero, "b": c}, lambda d, r: F.cosine_similarity(d["a"], d["b"], dim=-1), ("a", "b"), ("a", "b"), reductions=("none",))
case("cosineEmbedding", {"a": nonzero, "b": c, "t": together}, lambda d, r: F.cosine_embedding_loss(d["a"], d["b"], d["t"], reduction=r), ("a", "b"))
case(
    "cosineEmbedding margin",
    {"a": nonzero, "b": c, "t": together},
    lambda d, r: F.cosine_embedding_loss(d["a"], d["b"], d["t"], margin=0.25, reduction=r),
    ("a", "b"),
)
triplet = lambda d, r, **k: F.triplet_margin_loss(d["a"], d["b"], d["c"], reduction=r, **k)
near = a + c / 4
near[3] = a[3]
case("tripletMargin", {"a": a, "b": near, "c": e}, triplet, ("a", "b", "c"))
case("tripletMargin margin", {"a": a, "b": c, "c": e}, lambda d, r: triplet(d, r, margin=2.0), ("a", "b", "c"), ("a",))
case("tripletMargin 1", {"a": a, "b": c, "c": e}, lambda d, r: triplet(d, r, p=1.0), ("a", "b", "c"))
case("tripletMargin swap", {"a": a, "b": c, "c": e}, lambda d, r: triplet(d, r, swap=True), ("a", "b", "c"))
case("tripletMargin weights", {"a": a, "b": c, "c": e, "w": w6}, lambda d, r: weighed(triplet(d, "none"), d["w"], r), ("a", "b", "c"))


def pairs(d, r):
    dist = F.pairwise_distance(d["a"], d["b"])
    return plain(torch.where(d["t"] > 0, dist**2, F.relu(3.0 - dist) ** 2), r)


case("contrastive", {"a": a, "b": c, "t": together}, pairs, ("a", "b"), ("a",))


def info_nce(d, r, temperature, mode):
    q, k = F.normalize(d["a"], dim=-1), F.normalize(d["b"], dim=-1)
    if mode == "negatives":
        n = F.normalize(d["n"], dim=-1)
        logits = torch.cat([(q * k).sum(-1, keepdim=True), q @ n.T], 1) / temperature
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.int64), reduction=r)
    logits = q @ k.T / temperature
    index = torch.arange(len(q))
    forth = F.cross_entropy(logits, index, reduction=r)
    return (forth + F.cross_entropy(logits.T, index, reduction=r)) / 2 if mode == "symmetric" else forth


case("infoNce", {"a": nonzero, "b": c}, lambda d, r: info_nce(d, r, 0.1, ""), ("a", "b"))
case("infoNce symmetric", {"a": nonzero, "b": c}, lambda d, r: info_nce(d, r, 0.5, "symmetric"), ("a", "b"), ("a",))
case("infoNce negatives", {"a": nonzero, "b": c, "n": exact(9, 5)}, lambda d, r: info_nce(d, r, 0.2, "negatives"), ("a", "b", "n"))


# Sequences: [batch, time, classes] here, [time, batch, classes] in PyTorch.
def ctc(d, r, blank=0, zero=False):
    y = F.log_softmax(d["x"], -1).permute(1, 0, 2)
    return F.ctc_loss(y, d["labels"], d["inputs"], d["targets"], blank=blank, reduction=r, zero_infinity=zero)


time, classes = 11, 6
xs = exact(5, time, classes, scale=2.0)
words = np.array([[1, 2, 2, 3], [5, 5, 5, 1], [4, 1, 2, 3], [3, 0, 0, 0], [0, 0, 0, 0]])
inputLengths, targetLengths = np.array([11, 9, 7, 3, 5]), np.array([4, 4, 3, 1, 0])
lengths = {"labels": words, "inputs": inputLengths, "targets": targetLengths}
case("ctc", {"x": xs, **lengths}, ctc, ("x",))
case("ctc blank", {"x": xs, "labels": np.array([[0, 1, 1, 3], [5, 5, 0, 1], [4, 1, 0, 3], [3, 1, 1, 1], [4, 4, 4, 4]]), "inputs": inputLengths, "targets": targetLengths}, lambda d, r: ctc(d, r, blank=2), ("x",))
case("ctc impossible", {"x": xs, "labels": words, "inputs": np.array([11, 6, 4, 1, 5]), "targets": targetLengths}, lambda d, r: ctc(d, r, zero=True), ("x",))
case(
    "ctc whole",
    {"x": xs * 8, "labels": np.array([[1, 2, 2], [5, 5, 5], [4, 1, 2], [3, 1, 3], [2, 4, 2]]), "inputs": np.full(5, time), "targets": np.full(5, 3)},
    ctc,
    ("x",),
)
case("ctc long", {"x": exact(1, 150, 3), "labels": np.array([[1, 2, 1, 1, 2]]), "inputs": np.array([150]), "targets": np.array([5])}, ctc, ("x",), reductions=("sum",))

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "losses.json")
with open(out, "w") as file:
    json.dump({"source": f"torch {torch.__version__.split('+')[0]}", "cases": cases}, file, separators=(",", ":"))
print(out, os.path.getsize(out), "bytes,", len(cases), "cases")
