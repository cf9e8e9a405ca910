"""Writes evolution.json: CMA-ES's state after each of 10 generations by Hansen's purecma (package cma), and eigenvalues by NumPy.

Run by hand (needs numpy and cma 4.5): python test/optim/goldens/evolution.py
purecma decides the mean, both paths, C, C^(-1/2) and the scaling of negative weights. It is told the tutorial's constants (Table 1 of
Hansen, "The CMA evolution strategy: a tutorial", computed below from the paper), and the step size, for which it has another
rule than the tutorial, is set here after each generation. Diagonal runs drop what lies off C's diagonal. Candidates are normal draws
from here, stretched along purecma's axes: they and their losses are all that both sides are told.
"""
import json
import math
import os
import warnings

import numpy as np

warnings.filterwarnings("ignore")
from cma.more_algorithms import purecma

GENERATIONS = 10


def sphere(x):
    return float(np.sum(x**2))


def rosenbrock(x):
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def ellipsoid(x):
    n = len(x)
    return float(np.sum(10 ** (6 * np.arange(n) / (n - 1)) * x**2))


def constants(n, lam, active, diagonal):
    """Equations (49) to (58) of the tutorial; for `diagonal` Ros and Hansen's faster rates."""
    prime = math.log((lam + 1) / 2) - np.log(np.arange(1, lam + 1))
    mu = lam // 2
    mueff = prime[:mu].sum() ** 2 / (prime[:mu] ** 2).sum()
    minus = prime[mu:].sum() ** 2 / (prime[mu:] ** 2).sum()
    speed = (n + 2) / 3 if diagonal else 1
    c1 = speed * 2 / ((n + 1.3) ** 2 + mueff)
    cmu = min(1 - c1, speed * 2 * (0.25 + mueff + 1 / mueff - 2) / ((n + 2) ** 2 + mueff))
    bound = min(1 + c1 / cmu, 1 + 2 * minus / (mueff + 2), (1 - c1 - cmu) / (n * cmu))
    weights = [w / prime[prime > 0].sum() if w >= 0 else active * w * bound / -prime[prime < 0].sum() for w in prime]
    cs = (mueff + 2) / (n + mueff + 5)
    return {
        "lam": lam,
        "mu": mu,
        "weights": [float(w) for w in weights],
        "mueff": mueff,
        "cs": cs,
        "damps": 1 + 2 * max(0, math.sqrt((mueff - 1) / (n + 1)) - 1) + cs,
        "cc": (4 + mueff / n) / (n + 4 + 2 * mueff / n),
        "c1": c1,
        "cmu": cmu,
    }


def run(f, n, lam, sigma, active, diagonal, stalls=False):
    """The first seed in whose run both rules for h agree, and h is 0 now and then where it should be."""
    for seed in range(1000):
        found = attempt(f, n, lam, sigma, active, diagonal, seed)
        if found and any(g["stalled"] for g in found["generations"]) == stalls:
            return found
    raise RuntimeError("no seed will do")


def attempt(f, n, lam, sigma, active, diagonal, seed):
    rng = np.random.default_rng(seed)
    start = [round(float(v), 3) for v in rng.normal(size=n)]
    es = purecma.CMAES(list(start), sigma, popsize=lam)
    for name, value in constants(n, lam, active, diagonal).items():
        setattr(es.params, name, value)
    p = es.params
    chi = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
    kept = []
    for g in range(1, GENERATIONS + 1):
        es.C.update_eigensystem(es.counteval, 0)
        basis, lengths = np.array(es.C.eigenbasis), np.sqrt(np.array(es.C.eigenvalues))
        draws = rng.normal(size=(lam, n))
        # Few digits: what is handed over is exact on both sides and the file stays small.
        points = np.array([[float(f"{v:.6g}") for v in es.xmean + es.sigma * basis @ (lengths * z)] for z in draws])
        losses = [f(x) for x in points]
        before = es.sigma
        es.tell([list(x) for x in points], list(losses))
        length = math.sqrt(sum(v * v for v in es.ps))
        es.sigma = before * math.exp(p.cs / p.damps * (length / chi - 1))
        # purecma bounds the length of the path a little elsewhere: take only runs in which both rules agree.
        scaled = length / math.sqrt(1 - (1 - p.cs) ** (2 * g))
        agree = (scaled < (1.4 + 2 / (n + 1)) * chi) == (scaled**2 / n < 2 + 4 / (n + 1))
        if not agree:
            return None
        if diagonal:
            for i in range(n):
                for j in range(n):
                    if i != j:
                        es.C[i][j] = 0.0
        kept.append(
            {
                "candidates": points.tolist(),
                "losses": losses,
                "mean": [float(v) for v in es.xmean],
                "sigma": float(es.sigma),
                "pathC": [float(v) for v in es.pc],
                "pathSigma": [float(v) for v in es.ps],
                "covariance": [float(es.C[i][i]) for i in range(n)]
                if diagonal
                else [float(es.C[i][j]) for i in range(n) for j in range(n)],
                "stalled": bool(scaled >= (1.4 + 2 / (n + 1)) * chi),
            }
        )
    return {"start": start, "sigma": sigma, "population": lam, "active": active, "diagonal": diagonal, "generations": kept}


RUNS = {
    "sphere, n = 4": run(sphere, 4, 8, 0.5, True, False),
    "rosenbrock, n = 5, an odd population": run(rosenbrock, 5, 9, 0.3, True, False),
    "ellipsoid, n = 3, no negative weights": run(ellipsoid, 3, 7, 0.4, False, False),
    "far from a sphere, a path that stalls": run(sphere, 4, 8, 0.01, True, False, stalls=True),
    "diagonal, ellipsoid, n = 4": run(ellipsoid, 4, 8, 0.5, False, True),
    "diagonal and active, rosenbrock, n = 4": run(rosenbrock, 4, 8, 0.2, True, True),
}
print({name: sum(g["stalled"] for g in r["generations"]) for name, r in RUNS.items()})

rng = np.random.default_rng(7)
MATRICES = {}
for n in (1, 2, 6, 9):
    a = np.round(rng.normal(size=(n, n)), 3)
    MATRICES[f"random {n}"] = a + a.T
MATRICES["diagonal"] = np.diag([3.0, -1.0, 2.0, 2.0])
MATRICES["rank 1"] = np.outer([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
MATRICES["graded"] = np.array([[1e12, 1e5, 1.0], [1e5, 1e4, 10.0], [1.0, 10.0, 1.0]])
MATRICES["zero"] = np.zeros((3, 3))
MATRICES["wilkinson 7"] = np.diag([3.0, 2, 1, 0, 1, 2, 3]) + np.diag(np.ones(6), 1) + np.diag(np.ones(6), -1)
EIGH = {k: {"matrix": a.ravel().tolist(), "values": np.linalg.eigh(a)[0].tolist()} for k, a in MATRICES.items()}

with open(os.path.join(os.path.dirname(__file__), "evolution.json"), "w") as file:
    json.dump({"cma": RUNS, "eigh": EIGH}, file, separators=(",", ":"))
