"""The three small problems that optimizers are compared on.

Initial values and data are multiples of 1/64, exact in both precisions; the tests rebuild the losses with nabla.
"""
import numpy as np

KEEP = [1, 3, 20]
rng = np.random.default_rng(7)


def exact(*shape, scale=1.0):
    return np.round(rng.normal(size=shape) * scale * 64) / 64


half = exact(5, 5, scale=0.5)
PROBLEMS = {
    # f(p) = p.A p / 2 - b.p, A = H H^T + I / 4
    "quadratic": {"data": {"H": half, "b": exact(5)}, "params": {"p": exact(5)}},
    # mean binary cross-entropy of x w + b
    "logistic": {
        "data": {"x": exact(12, 4), "y": (rng.random((12, 1)) < 0.5).astype(float)},
        "params": {"w": exact(4, 1), "b": exact(1)},
    },
    # mean squared error of tanh(x w1 + b1) w2 + b2
    "mlp": {
        "data": {"x": exact(8, 3), "y": exact(8, 2)},
        "params": {"w1": exact(3, 4), "b1": exact(4, scale=0.1), "w2": exact(4, 2), "b2": exact(2, scale=0.1)},
    },
}
