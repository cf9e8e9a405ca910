"""Writes optim.json: 20 steps of PyTorch's optimizers on three small problems, and optax's schedules.

Run by hand (needs torch, optax): python test/optim/goldens/generate.py
"""
import json
import os

import optax
import torch
from problems import KEEP, PROBLEMS


def loss_of(name, d, p):
    if name == "quadratic":
        a = d["H"] @ d["H"].T + torch.eye(5, dtype=d["H"].dtype) / 4
        return p["p"] @ (a @ p["p"]) / 2 - d["b"] @ p["p"]
    if name == "logistic":
        return torch.nn.functional.binary_cross_entropy_with_logits(d["x"] @ p["w"] + p["b"], d["y"])
    return torch.mean((torch.tanh(d["x"] @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"] - d["y"]) ** 2)


def clip_norm(params, limit):
    norm = torch.sqrt(sum((p.grad**2).sum() for p in params))
    for p in params:
        p.grad *= limit / torch.maximum(norm, torch.tensor(limit, dtype=norm.dtype))


def clip_value(params, limit):
    torch.nn.utils.clip_grad_value_(params, limit)


O = torch.optim
# name -> (optimizer, options, clip, scheduler)
CASES = {
    "sgd": (O.SGD, dict(lr=0.05), None, None),
    "sgd momentum": (O.SGD, dict(lr=0.05, momentum=0.9), None, None),
    "sgd dampening": (O.SGD, dict(lr=0.05, momentum=0.9, dampening=0.3), None, None),
    "sgd nesterov": (O.SGD, dict(lr=0.05, momentum=0.8, nesterov=True), None, None),
    "sgd weightDecay": (O.SGD, dict(lr=0.05, momentum=0.9, weight_decay=0.1), None, None),
    "sgd exponential": (O.SGD, dict(lr=0.1), None, lambda o: O.lr_scheduler.ExponentialLR(o, 0.9)),
    "rmsprop": (O.RMSprop, dict(lr=0.01), None, None),
    "rmsprop alpha": (O.RMSprop, dict(lr=0.01, alpha=0.9, eps=1e-4), None, None),
    "rmsprop centered": (O.RMSprop, dict(lr=0.01, centered=True), None, None),
    "rmsprop momentum": (O.RMSprop, dict(lr=0.005, momentum=0.9), None, None),
    "rmsprop all": (O.RMSprop, dict(lr=0.005, momentum=0.5, centered=True, weight_decay=0.1), None, None),
    "adam": (O.Adam, dict(lr=0.01), None, None),
    "adam betas": (O.Adam, dict(lr=0.01, betas=(0.5, 0.9), eps=1e-3), None, None),
    "adam amsgrad": (O.Adam, dict(lr=0.05, betas=(0.9, 0.9), amsgrad=True), None, None),
    "adam l2": (O.Adam, dict(lr=0.01, weight_decay=0.1), None, None),
    "adam step": (O.Adam, dict(lr=0.02), None, lambda o: O.lr_scheduler.StepLR(o, 7, 0.5)),
    "adamW": (O.AdamW, dict(lr=0.01), None, None),
    "adamW amsgrad": (O.AdamW, dict(lr=0.05, betas=(0.8, 0.9), weight_decay=0.1, amsgrad=True), None, None),
    "clip norm": (O.SGD, dict(lr=0.1), lambda p: clip_norm(p, 0.25), None),
    "clip value": (O.SGD, dict(lr=0.1), lambda p: clip_value(p, 0.125), None),
}


def run(problem, case, dtype):
    spec = PROBLEMS[problem]
    make, options, clip, scheduler = CASES[case]
    data = {k: torch.tensor(v, dtype=dtype) for k, v in spec["data"].items()}
    params = {k: torch.tensor(v, dtype=dtype, requires_grad=True) for k, v in spec["params"].items()}
    optimizer = make(list(params.values()), foreach=False, **options)
    schedule = scheduler(optimizer) if scheduler else None
    digits = 9 if dtype == torch.float32 else 12
    kept = []
    for step in range(1, 21):
        optimizer.zero_grad()
        loss_of(problem, data, params).backward()
        if clip:
            clip(list(params.values()))
        optimizer.step()
        if schedule:
            schedule.step()
        if step in KEEP:
            flat = {k: p.detach().reshape(-1).tolist() for k, p in params.items()}
            kept.append({k: [float(f"%.{digits}g" % x) for x in v] for k, v in flat.items()})
    return kept


steps = {
    case: {p: {"f32": run(p, case, torch.float32), "f64": run(p, case, torch.float64)} for p in PROBLEMS}
    for case in CASES
}

AT = [0, 1, 2, 5, 9, 10, 11, 25, 99, 100, 101, 250, 5000]
SCHEDULES = {
    "constant": optax.constant_schedule(0.3),
    "linear": optax.linear_schedule(0.1, 0.9, 100),
    "piecewise": optax.join_schedules([optax.constant_schedule(v) for v in (0.1, 0.02, 0.5)], [10, 100]),
    "stepDecay": optax.exponential_decay(0.5, 10, 0.9, staircase=True),
    "exponentialDecay": optax.exponential_decay(0.5, 50, 0.7),
    "exponentialDecay floor": optax.exponential_decay(0.5, 50, 0.7, end_value=0.01),
    "warmupCosine": optax.warmup_cosine_decay_schedule(0.01, 0.3, 10, 100, 0.003),
    "cosine": optax.cosine_decay_schedule(0.3, 100),
}
import jax

jax.config.update("jax_enable_x64", True)
schedules = {
    name: [float("%.12g" % float(at(jax.numpy.asarray(step, dtype=jax.numpy.float64)))) for step in AT]
    for name, at in SCHEDULES.items()
}

plain = {
    name: {
        part: {k: {"shape": list(v.shape), "values": v.reshape(-1).tolist()} for k, v in spec[part].items()}
        for part in ("data", "params")
    }
    for name, spec in PROBLEMS.items()
}
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "optim.json")
with open(out, "w") as file:
    json.dump(
        {
            "source": f"torch {torch.__version__.split('+')[0]}, optax {optax.__version__}",
            "keep": KEEP,
            "problems": plain,
            "steps": steps,
            "schedules": {"at": AT, "values": schedules},
        },
        file,
        separators=(",", ":"),
    )
print(out, os.path.getsize(out), "bytes")
