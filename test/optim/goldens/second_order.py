"""Writes second-order.json: 20 steps of optimizers that look at the loss, by optax, on the problems of optim.json.

Run by hand (needs torch, optax): python test/optim/goldens/second_order.py
"""
import json
import os

import jax
import jax.numpy as jnp
import optax
from optimizers import jax_loss, rounded
from problems import KEEP, PROBLEMS

C = optax.contrib


def signs(step, params):
    """The random signs of a step, by a rule the tests have too; leaves in the order of their names."""
    out = {}
    for leaf, (name, value) in enumerate(sorted(params.items())):
        e = jnp.arange(value.size)
        out[name] = jnp.where((7 * step + 5 * leaf + 3 * e * e + e * step) % 4 < 2, 1.0, -1.0).reshape(value.shape)
    return out


def given_signs():
    """Hutchinson's estimate with those signs; the state counts estimates by the step they are made in."""

    def update(updates, state, params=None, obj_fn=None, step=None):
        v = jax.tree.map(lambda s, p: s.astype(p.dtype), signs(step, params), params)
        product = jax.jvp(jax.grad(obj_fn), (params,), (v,))[1]
        return jax.tree.map(lambda h, s: h * s, product, v), state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


matrices = lambda params: jax.tree.map(lambda p: p.ndim > 1, params)
SOPHIA = {
    "sophia": C.sophia(0.01, hessian_diagonal_fn=given_signs()),
    "sophia options": C.sophia(
        0.02,
        b1=0.9,
        b2=0.8,
        eps=1e-2,
        gamma=0.5,
        clip_threshold=0.7,
        update_interval=3,
        weight_decay=0.1,
        weight_decay_mask=matrices,
        hessian_diagonal_fn=given_signs(),
    ),
}
POLYAK = {
    "polyakSgd": optax.polyak_sgd(),
    # optax's own `scaling` comes before the norm is taken, against its formula.
    "polyakSgd options": optax.chain(optax.polyak_sgd(max_learning_rate=0.3, f_min=0.4, eps=0.1), optax.scale(0.5)),
    "polyakSgd positive": optax.polyak_sgd(max_learning_rate=0.3, f_min=0.4, variant="sps+"),
}


def run(problem, case, f32):
    dtype = jnp.float32 if f32 else jnp.float64
    optimizer = (SOPHIA | POLYAK)[case]
    data = {k: jnp.asarray(v, dtype) for k, v in PROBLEMS[problem]["data"].items()}
    params = {k: jnp.asarray(v, dtype) for k, v in PROBLEMS[problem]["params"].items()}
    state = optimizer.init(params)
    loss = lambda p: jax_loss(problem, data, p)

    @jax.jit
    def advance(params, state, step):
        value, grads = jax.value_and_grad(loss)(params)
        extra = dict(obj_fn=loss, step=step) if case in SOPHIA else dict(value=value)
        updates, state = optimizer.update(grads, state, params, **extra)
        return optax.apply_updates(params, updates), state

    kept = []
    for step in range(1, KEEP[-1] + 1):
        params, state = advance(params, state, step)
        if step in KEEP:
            kept.append({k: rounded(p.reshape(-1).tolist(), f32) for k, p in params.items()})
    return kept


if __name__ == "__main__":
    out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "second-order.json")
    steps = {
        case: {problem: {"f32": run(problem, case, True), "f64": run(problem, case, False)} for problem in PROBLEMS}
        for case in SOPHIA | POLYAK
    }
    with open(out, "w") as file:
        source = f"optax {optax.__version__}, jax {jax.__version__}"
        json.dump({"source": source, "steps": steps}, file, separators=(",", ":"))
    print(out, os.path.getsize(out), "bytes")
