"""Adam of optax, compiled by JAX, the state donated."""

import jax
import optax

from serve import job, serve
from values import digest, timed, values

optimizer = optax.adam(job["learningRate"])


def tree(seed):
    return [jax.numpy.asarray(values(job["size"], 2 * i + seed, -1, 1)) for i in range(job["tensors"])]


def fresh():
    params = tree(0)
    return params, optimizer.init(params)


def update(params, state, grads):
    updates, state = optimizer.update(grads, state, params)
    return optax.apply_updates(params, updates), state


step = jax.jit(update, donate_argnums=(0, 1))
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
