"""Optimizers of optax, compiled by JAX, the state donated."""

import jax
import optax

from serve import job, serve
from values import digest, timed, values

rate = job["learningRate"]
rules = {
    "momentum": lambda: optax.sgd(rate, momentum=0.9),
    "adam": lambda: optax.adam(rate),
    "adamw-clip-ema": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=0.01)),
    "lion": lambda: optax.lion(rate, weight_decay=1),
}
optimizer = rules[job["rule"]]()
averaged = job["rule"] == "adamw-clip-ema"


def tree(seed):
    return [jax.numpy.asarray(values(job["size"], 2 * i + seed, -1, 1)) for i in range(job["tensors"])]


def fresh():
    params = tree(0)
    average = [param.copy() for param in params] if averaged else []
    return params, optimizer.init(params), average


def update(params, state, average, grads):
    updates, state = optimizer.update(grads, state, params)
    params = optax.apply_updates(params, updates)
    average = optax.incremental_update(params, average, 1 - 0.999) if averaged else []
    return params, state, average


step = jax.jit(update, donate_argnums=(0, 1, 2))
grads = tree(1)
state = fresh()


def run(units):
    global state
    for _ in range(units):
        state = step(*state, grads)
    jax.block_until_ready(state)


def check(steps):
    global state
    run(steps)
    numbers = digest(state[0][-1])
    state = fresh()
    return numbers


serve({"jax": jax.__version__, "optax": optax.__version__}, check, timed(run))
