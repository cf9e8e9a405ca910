"""Writes matrices.json: 20 steps of SOAP and Shampoo on given gradients, in f64.

Written from the papers and the rules of the authors' code (nikhilvyas/SOAP; google-research/scalable_shampoo) with NumPy's eigh and qr,
roots by eigenvalues: nothing in common with how nabla finds them. Run by hand (needs numpy): python test/optim/goldens/matrices.py
"""
import itertools
import json
import os

import numpy as np

STEPS = 20
rng = np.random.default_rng(11)
exact = lambda *shape: np.round(rng.normal(size=shape) * 64) / 64
# No first gradient leaves an axis more than one direction without statistics: bases are unique up to signs.
SHAPES = {"b": (4,), "c": (2, 3, 3), "v": (4, 3), "w": (5, 5)}
PARAMS = {k: exact(*s) for k, s in SHAPES.items()}
GRADS = [{k: exact(*s) for k, s in SHAPES.items()} for _ in range(STEPS)]


def along(x, axis, m):
    """sum over i of x[.., i, ..] m[i, j]."""
    return np.moveaxis(np.tensordot(x, m, axes=(axis, 0)), -1, axis)


def gram(g, axis):
    rest = [i for i in range(g.ndim) if i != axis]
    return np.tensordot(g, g, axes=(rest, rest))


def soap(lr, b1=0.95, b2=0.95, shampoo_beta=None, eps=1e-8, every=10, most=10000):
    beta = b2 if shampoo_beta is None else shampoo_beta
    p, kept, state = {k: v.copy() for k, v in PARAMS.items()}, [], {}
    for step, grads in enumerate(GRADS):
        for k, g in grads.items():
            axes = [i for i in range(g.ndim) if g.ndim > 1 and g.shape[i] <= most]
            if step == 0:
                gg = {i: (1 - beta) * gram(g, i) for i in axes}
                q = {i: np.linalg.eigh(gg[i])[1][:, ::-1] for i in axes}
                state[k] = [np.zeros_like(g), np.zeros_like(g), gg, q]
                continue
            m, v, gg, q = state[k]
            turned = g
            for i in axes:
                turned = along(turned, i, q[i])
            m = b1 * m + (1 - b1) * turned  # in the basis, as in the authors' code
            v = b2 * v + (1 - b2) * turned**2
            u = m / (np.sqrt(v) + eps)
            back = m
            for i in axes:
                u, back = along(u, i, q[i].T), along(back, i, q[i].T)
            p[k] = p[k] - lr * np.sqrt(1 - b2**step) / (1 - b1**step) * u
            for i in axes:
                gg[i] = beta * gg[i] + (1 - beta) * gram(g, i)
                if step % every == 0:
                    order = np.argsort(-np.diag(q[i].T @ gg[i] @ q[i]))
                    v = np.take(v, order, axis=i)
                    q[i] = np.linalg.qr(gg[i] @ q[i][:, order])[0]
            for i in axes:
                back = along(back, i, q[i])
            state[k] = [back, v, gg, q]
        kept.append({k: v.reshape(-1).tolist() for k, v in p.items()})
    return kept


def root(a, p, ridge=1e-6):
    w, v = np.linalg.eigh(a)
    return (v * (w + ridge * max(w.max(), 1e-25)) ** (-1 / p)) @ v.T


def shampoo(lr, b2=0.999, block=128, every=10, start=5, graft="rmsprop", eps=1e-6, deps=1e-10, mom=0.9, nesterov=True, wd=0.0):
    p, kept = {k: v.copy() for k, v in PARAMS.items()}, []
    share = 1 - b2 if b2 < 1 else 1
    cuts = lambda shape: list(
        itertools.product(*[[slice(a, min(a + block, n)) for a in range(0, n, block)] for n in shape])
    )
    stats = {k: [[eps * np.eye(n) for n in PARAMS[k][c].shape] for c in cuts(s)] for k, s in SHAPES.items()}
    roots, diag, trace = {}, {k: np.zeros(s) for k, s in SHAPES.items()}, {k: np.zeros(s) for k, s in SHAPES.items()}
    for step, grads in enumerate(GRADS):
        for k, g in grads.items():
            whole = np.zeros_like(g)
            for n, c in enumerate(cuts(g.shape)):
                x = g[c]
                stats[k][n] = [b2 * l + share * gram(x, i) for i, l in enumerate(stats[k][n])]
                if step % every == 0:
                    roots[k, n] = [root(l, 2 * g.ndim) for l in stats[k][n]]
                for i, r in enumerate(roots[k, n]):
                    x = along(x, i, r)
                whole[c] = x
            diag[k] = diag[k] + g**2 if graft == "adagrad" else b2 * diag[k] + share * g**2
            direct = g if graft == "sgd" else g / (np.sqrt(diag[k]) + deps)
            u = whole * np.linalg.norm(direct) / np.linalg.norm(whole) if step >= start else direct
            u = u + wd * p[k]
            trace[k] = mom * trace[k] + u
            p[k] = p[k] - lr * (u + mom * trace[k] if nesterov else trace[k])
        kept.append({k: v.reshape(-1).tolist() for k, v in p.items()})
    return kept


RUNS = {
    "soap": soap(0.01),
    "soap options": soap(0.02, b1=0.8, b2=0.9, shampoo_beta=0.7, eps=1e-3, every=3, most=4),
    "shampoo": shampoo(0.01),
    "shampoo options": shampoo(
        0.02, b2=1.0, block=2, every=3, start=2, graft="adagrad", eps=1e-2, deps=1e-3, mom=0.5, nesterov=False, wd=0.1
    ),
    "shampoo sgd": shampoo(0.05, b2=0.9, every=1, start=0, graft="sgd", eps=1e-3),
}
KEEP = [1, 2, 5, 20]

if __name__ == "__main__":
    flat = lambda tree: {k: np.asarray(v).reshape(-1).tolist() for k, v in tree.items()}
    out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "matrices.json")
    runs = {
        name: [{k: [float("%.10g" % x) for x in v] for k, v in kept[n - 1].items()} for n in KEEP]
        for name, kept in RUNS.items()
    }
    with open(out, "w") as file:
        golden = {"keep": KEEP, "shapes": SHAPES, "params": flat(PARAMS), "grads": [flat(g) for g in GRADS], "runs": runs}
        json.dump(golden, file, separators=(",", ":"))
    print(out, os.path.getsize(out), "bytes")
