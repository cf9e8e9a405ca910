"""Writes schedules.json: every schedule at steps 0 to 999 by its authority: PyTorch, optax, or the formula of the paper.

Run by hand (needs torch, optax): python test/optim/goldens/schedules.py
A thousand f32 values, little-endian, deflated, in base64: a rounding of 6e-8, and a small file.
"""
import base64
import json
import math
import os
import warnings
import zlib

import jax
import numpy as np
import optax
import torch

jax.config.update("jax_enable_x64", True)
# Schedulers are stepped without their optimizer.
warnings.filterwarnings("ignore")
S = torch.optim.lr_scheduler
STEPS = 1000


def by_torch(make, initial=1.0, key="lr"):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=initial, momentum=0.9)
    scheduler = make(optimizer)
    values = []
    for _ in range(STEPS):
        values.append(optimizer.param_groups[0][key])
        scheduler.step()
    return values


def by_optax(at):
    return [float(at(jax.numpy.asarray(step, dtype=jax.numpy.float64))) for step in range(STEPS)]


def by_formula(at):
    return by_torch(lambda o: S.LambdaLR(o, at))


def one_cycle(key="lr", total=STEPS, **options):
    return by_torch(lambda o: S.OneCycleLR(o, max_lr=0.1, total_steps=total, **options), key=key)


def cyclic(key="lr", **options):
    return by_torch(lambda o: S.CyclicLR(o, base_lr=0.001, max_lr=0.1, step_size_up=60, **options), key=key)


def restarts(lengths, end, height, factor):
    """Cosines of optax, one after another."""
    tops = [end + height * factor**i for i in range(len(lengths))]
    parts = [optax.cosine_decay_schedule(top, n, alpha=end / top) for top, n in zip(tops, lengths)]
    return by_optax(optax.join_schedules(parts, [int(at) for at in np.cumsum(lengths)[:-1]]))


def inverse_sqrt(step, peak, warmup, initial):
    return initial + (peak - initial) * step / warmup if step < warmup else peak * math.sqrt(warmup / step)


def ramp(at, steps, start, overlap=False):
    return lambda s: float(at(s if overlap else max(s - steps, 0))) * (start + (1 - start) * min(s / steps, 1))


def cos(initial, steps, end=0.0):
    return lambda s: end + (initial - end) * (1 + math.cos(math.pi * min(s / steps, 1))) / 2


CASES = {
    "constant": by_optax(optax.constant_schedule(0.3)),
    "linear": by_optax(optax.linear_schedule(0.1, 0.9, 700)),
    "linear to 0": by_torch(lambda o: S.LinearLR(o, 1.0, 0.0, 1000), 0.1),
    "piecewise": by_optax(optax.join_schedules([optax.constant_schedule(v) for v in (0.1, 0.02, 0.5)], [10, 100])),
    "multiStep": by_torch(lambda o: S.MultiStepLR(o, [100, 101, 637], 0.3), 0.1),
    "stepDecay": by_torch(lambda o: S.StepLR(o, 7, 0.93), 0.1),
    "polynomial": by_torch(lambda o: S.PolynomialLR(o, 900, 2.0), 0.1),
    "polynomial to": by_optax(optax.polynomial_schedule(0.1, 0.02, 0.5, 800)),
    "exponentialDecay": by_torch(lambda o: S.ExponentialLR(o, 0.993), 0.1),
    "exponentialGrowth": by_optax(optax.exponential_decay(1e-6, 900, 1e6, end_value=1.0)),
    "inverseTime": by_formula(lambda s: 0.1 / (1 + 0.5 * s / 30)),
    "inverseTime staircase": by_formula(lambda s: 0.1 / (1 + 0.5 * (s // 30))),
    "inverseSqrt": by_formula(lambda s: inverse_sqrt(s, 5e-4, 100, 1e-7)),
    "noam": by_formula(lambda s: 512**-0.5 * min((s + 1) ** -0.5, (s + 1) * 200**-1.5)),
    "cosine": by_optax(optax.cosine_decay_schedule(0.1, 800, 0.01)),
    "cosine to 0": by_torch(lambda o: S.CosineAnnealingLR(o, 1000), 0.1),
    "warmupCosine": by_optax(optax.warmup_cosine_decay_schedule(0.01, 0.3, 100, 900, 0.003)),
    "cosineWarmRestarts": by_torch(lambda o: S.CosineAnnealingWarmRestarts(o, 50, 1, 0.001), 0.1),
    "cosineWarmRestarts growth": by_torch(lambda o: S.CosineAnnealingWarmRestarts(o, 10, 2), 0.1),
    "cosineWarmRestarts factor": restarts([100] * 10, 0.01, 0.09, 0.7),
    "cosineWarmRestarts both": restarts([10, 30, 90, 270, 810], 0.01, 0.09, 0.7),
    "cyclical": cyclic(),
    "cyclical triangular2": cyclic(mode="triangular2", step_size_down=90),
    "cyclical expRange": cyclic(mode="exp_range", gamma=0.997),
    "cyclical momentum": cyclic("momentum", mode="triangular2", step_size_down=90),
    "oneCycle": one_cycle(),
    "oneCycle momentum": one_cycle("momentum"),
    "oneCycle linear": one_cycle(anneal_strategy="linear", pct_start=0.2503, div_factor=10, final_div_factor=100),
    "oneCycle three": one_cycle(three_phase=True),
    "oneCycle three momentum": one_cycle("momentum", three_phase=True, anneal_strategy="linear"),
    "join": by_optax(
        optax.join_schedules(
            [optax.linear_schedule(0.0, 0.1, 50), optax.cosine_decay_schedule(0.1, 200), optax.exponential_decay(0.05, 30, 0.7)],
            [50, 250],
        )
    ),
    "warmup": by_formula(ramp(cos(0.1, 800, 0.01), 100, 0.1)),
    "warmup overlap": by_formula(ramp(cos(0.1, 800, 0.01), 100, 0.1, overlap=True)),
    "scale": by_optax(lambda s: 8 * optax.exponential_decay(0.05, 300, 0.7)(s)),
    "clamp": by_formula(lambda s: min(max(0.1 / (1 + s / 100), 0.02), 0.08)),
    "byEpoch": by_formula(lambda s: 0.1 * 0.5 ** sum(s // 37 >= at for at in (3, 10, 20))),
    "bySamples": by_formula(lambda s: cos(0.1, 100_000)(s * 128)),
}


def packed(values):
    assert len(values) == STEPS
    data = np.asarray(values, dtype="<f4").tobytes()
    return base64.b64encode(zlib.compress(data, 9)).decode()


out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schedules.json")
with open(out, "w") as file:
    source = f"torch {torch.__version__.split('+')[0]}, optax {optax.__version__}"
    values = {name: packed(values) for name, values in CASES.items()}
    json.dump({"source": source, "steps": STEPS, "values": values}, file, indent=0)
print(out, os.path.getsize(out), "bytes")
