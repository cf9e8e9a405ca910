"""Writes optimizers.json: 20 steps of the other optimizers of PyTorch and optax on the problems of optim.json.

Run by hand (needs torch, optax): python test/optim/goldens/optimizers.py
"""
import json
import os

import jax
import jax.numpy as jnp
import optax
import torch
from problems import KEEP, PROBLEMS

jax.config.update("jax_enable_x64", True)
O = torch.optim
C = optax.contrib


def torch_loss(name, d, p):
    if name == "quadratic":
        h = d["H"].T @ p["p"]
        return (h @ h + p["p"] @ p["p"] / 4) / 2 - d["b"] @ p["p"]
    if name == "logistic":
        return torch.nn.functional.binary_cross_entropy_with_logits(d["x"] @ p["w"] + p["b"], d["y"])
    return torch.mean((torch.tanh(d["x"] @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"] - d["y"]) ** 2)


def jax_loss(name, d, p):
    if name == "quadratic":
        h = d["H"].T @ p["p"]
        return (h @ h + p["p"] @ p["p"] / 4) / 2 - d["b"] @ p["p"]
    if name == "logistic":
        return optax.sigmoid_binary_cross_entropy(d["x"] @ p["w"] + p["b"], d["y"]).mean()
    return jnp.mean((jnp.tanh(d["x"] @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"] - d["y"]) ** 2)


# name -> (optimizer, options)
TORCH = {
    "adagrad": (O.Adagrad, dict(lr=0.1)),
    "adagrad options": (O.Adagrad, dict(lr=0.1, lr_decay=0.1, initial_accumulator_value=0.5, eps=1e-3)),
    "adagrad weightDecay": (O.Adagrad, dict(lr=0.1, weight_decay=0.1)),
    "adadelta": (O.Adadelta, dict()),
    "adadelta options": (O.Adadelta, dict(lr=0.5, rho=0.5, eps=1e-3)),
    "adadelta weightDecay": (O.Adadelta, dict(weight_decay=0.1)),
    "adamax": (O.Adamax, dict(lr=0.01)),
    "adamax options": (O.Adamax, dict(lr=0.01, betas=(0.5, 0.9), eps=1e-3)),
    "adamax weightDecay": (O.Adamax, dict(lr=0.01, weight_decay=0.1)),
    "nadam": (O.NAdam, dict(lr=0.01)),
    "nadam options": (O.NAdam, dict(lr=0.01, betas=(0.5, 0.9), eps=1e-3, momentum_decay=0.1)),
    "nadam weightDecay": (O.NAdam, dict(lr=0.01, weight_decay=0.1)),
    "nadam decoupled": (O.NAdam, dict(lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)),
    "radam": (O.RAdam, dict(lr=0.01)),
    "radam options": (O.RAdam, dict(lr=0.01, betas=(0.8, 0.9), eps=1e-3)),
    "radam never rectified": (O.RAdam, dict(lr=0.01, betas=(0.9, 0.5))),
    "radam weightDecay": (O.RAdam, dict(lr=0.01, weight_decay=0.1)),
    "radam decoupled": (O.RAdam, dict(lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)),
    "rprop": (O.Rprop, dict(lr=0.01)),
    "rprop options": (O.Rprop, dict(lr=0.015, etas=(0.6, 1.5), step_sizes=(0.01, 0.05))),
    "adafactor": (O.Adafactor, dict(lr=0.02, eps=(2**-23, 1e-3))),
    "adafactor options": (
        O.Adafactor,
        dict(lr=0.3, beta2_decay=-0.5, eps=(0.5, 0.1), d=1.05, weight_decay=0.1),
    ),
}


def matrices(tree):
    return jax.tree.map(lambda x: x.ndim > 1, tree)


def clip_by_norm(limit):
    def clip(g):
        return g * (limit / jnp.maximum(jnp.sqrt(jnp.sum(g * g)), limit))

    return optax.stateless(lambda updates, params: jax.tree.map(clip, updates))


def warm(step):
    return 0.2 * jnp.minimum(step / 8, 1)


# optax counts from 0 in the inner optimizer and from 1 for the weights; here both count from 0.
warm_sgd = C.schedule_free(
    optax.chain(optax.add_decayed_weights(0.1), optax.sgd(warm)),
    learning_rate=lambda step: warm(step - 1),
    b1=0.7,
    weight_lr_power=1.0,
)

OPTAX = {
    "lion": optax.lion(0.01),
    "lion options": optax.lion(0.01, b1=0.5, b2=0.8, weight_decay=0.1, mask=matrices),
    "lars": optax.lars(5.0),
    "lars options": optax.lars(
        0.3,
        weight_decay=0.1,
        weight_decay_mask=matrices,
        trust_coefficient=0.01,
        eps=1e-2,
        trust_ratio_mask=matrices,
        momentum=0.5,
        nesterov=True,
    ),
    "lamb": optax.lamb(0.01),
    "lamb options": optax.lamb(0.01, b1=0.8, b2=0.9, eps=1e-3, weight_decay=0.1, mask=matrices),
    "trust ratio": optax.chain(optax.scale_by_trust_ratio(min_norm=1.5), optax.scale(-0.1)),
    "clip by norm": optax.chain(clip_by_norm(0.25), optax.sgd(0.1)),
    "clip by block rms": optax.chain(optax.clip_by_block_rms(0.125), optax.sgd(0.1)),
    "adaptive clip": optax.chain(optax.adaptive_grad_clip(0.1), optax.sgd(0.1)),
    "adaptive clip epsilon": optax.chain(optax.adaptive_grad_clip(0.1, eps=1.0), optax.sgd(0.1)),
    "schedule-free sgd": C.schedule_free_sgd(0.1),
    "schedule-free sgd options": warm_sgd,
    "schedule-free adamW": C.schedule_free_adamw(0.01),
    "schedule-free adamW options": C.schedule_free_adamw(0.01, b1=0.8, b2=0.9, eps=1e-3, weight_decay=0.1),
    "prodigy": C.prodigy(estim_lr0=0.03),
    "prodigy options": C.prodigy(
        0.1, betas=(0.8, 0.9), beta3=0.7, eps=1e-2, estim_lr0=0.03, estim_lr_coef=1.5, weight_decay=0.1
    ),
    "prodigy safeguard": C.prodigy(estim_lr0=0.03, estim_lr_coef=2.0, safeguard_warmup=True),
    "dadapt adamW": C.dadapt_adamw(0.5, estim_lr0=1e-2),
    "dadapt adamW options": C.dadapt_adamw(0.5, betas=(0.8, 0.9), eps=1e-3, estim_lr0=1e-2, weight_decay=0.1),
}


def rounded(values, f32):
    return [float(f"%.{9 if f32 else 12}g" % x) for x in values]


def run_torch(problem, case, f32):
    dtype = torch.float32 if f32 else torch.float64
    make, options = TORCH[case]
    data = {k: torch.tensor(v, dtype=dtype) for k, v in PROBLEMS[problem]["data"].items()}
    params = {k: torch.tensor(v, dtype=dtype, requires_grad=True) for k, v in PROBLEMS[problem]["params"].items()}
    optimizer = make(list(params.values()), foreach=False, **options)
    kept = []
    for step in range(1, KEEP[-1] + 1):
        optimizer.zero_grad()
        torch_loss(problem, data, params).backward()
        optimizer.step()
        if step in KEEP:
            kept.append({k: rounded(p.detach().reshape(-1).tolist(), f32) for k, p in params.items()})
    return kept


def run_optax(problem, case, f32):
    dtype = jnp.float32 if f32 else jnp.float64
    optimizer = OPTAX[case]
    data = {k: jnp.asarray(v, dtype) for k, v in PROBLEMS[problem]["data"].items()}
    params = {k: jnp.asarray(v, dtype) for k, v in PROBLEMS[problem]["params"].items()}
    state = optimizer.init(params)

    @jax.jit
    def advance(params, state):
        grads = jax.grad(lambda p: jax_loss(problem, data, p))(params)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    kept = []
    for step in range(1, KEEP[-1] + 1):
        params, state = advance(params, state)
        if step in KEEP:
            shown = {k: rounded(p.reshape(-1).tolist(), f32) for k, p in params.items()}
            kept.append(shown)
    if case.startswith("schedule-free"):
        x = C.schedule_free_eval_params(state, params)
        kept[-1] |= {f"evaluated {k}": rounded(v.reshape(-1).tolist(), f32) for k, v in x.items()}
    return kept


def both(run, cases):
    return {
        case: {problem: {"f32": run(problem, case, True), "f64": run(problem, case, False)} for problem in PROBLEMS}
        for case in cases
    }


if __name__ == "__main__":
    out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizers.json")
    source = f"torch {torch.__version__.split('+')[0]}, optax {optax.__version__}, jax {jax.__version__}"
    with open(out, "w") as file:
        steps = both(run_torch, TORCH) | both(run_optax, OPTAX)
        json.dump({"source": source, "steps": steps}, file, separators=(",", ":"))
    print(out, os.path.getsize(out), "bytes")
