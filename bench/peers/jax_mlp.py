"""The JAX contestant: one jitted, donating step (optax); an epoch is one call that scans over its batches."""

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from serve import job, read, serve

sizes, rows, batch = job["sizes"], job["rows"], job["batch"]
if job["loss"] != "crossEntropy":
    inputs = jnp.asarray(read(job["inputs"], np.float32).reshape(rows, sizes[0]))
    labels = jnp.asarray(read(job["labels"], np.float32).reshape(rows, 1))
else:
    inputs = jnp.asarray(read(job["inputs"], np.uint8).reshape(rows, sizes[0]).astype(np.float32) / 255)
    labels = jnp.asarray(read(job["labels"], np.uint8).astype(np.int32))
optimizer = {"adam": optax.adam, "sgd": optax.sgd}[job["optimizer"]](job["learningRate"])
row_loss = {
    "bce": optax.sigmoid_binary_cross_entropy,
    "mse": optax.squared_error,
    "crossEntropy": optax.softmax_cross_entropy_with_integer_labels,
}[job["loss"]]


def fresh():
    flat = read(job["weights"], np.float32)
    params, offset = [], 0
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        weight = flat[offset : offset + fan_in * fan_out].reshape(fan_in, fan_out)
        offset += fan_in * fan_out
        params.append((jnp.array(weight), jnp.array(flat[offset : offset + fan_out])))
        offset += fan_out
    return params, optimizer.init(params)


def loss_of(params, x, y):
    for i, (weight, bias) in enumerate(params):
        x = x @ weight + bias
        if i + 1 < len(params):
            x = jax.nn.relu(x)
    return row_loss(x, y).mean()


def step(state, x, y):
    params, memory = state
    loss, grads = jax.value_and_grad(loss_of)(params, x, y)
    updates, memory = optimizer.update(grads, memory, params)
    return (optax.apply_updates(params, updates), memory), loss


one_step = jax.jit(step, donate_argnums=0)


@partial(jax.jit, donate_argnums=0)
def epoch(state, x, y, key):
    picks = jax.random.permutation(key, rows)[: rows // batch * batch].reshape(-1, batch)
    return jax.lax.scan(lambda state, pick: step(state, x[pick], y[pick]), state, picks)


@partial(jax.jit, donate_argnums=0)
def full_batches(state, x, y, count):
    # The loss is part of the work, so it is carried along rather than optimised away.
    return jax.lax.fori_loop(0, count, lambda _, carry: step(carry[0], x, y), (state, jnp.float32(0)))


def check(steps):
    state, losses = fresh(), []
    for i in range(steps):
        start = 0 if batch == rows else i * batch
        state, loss = one_step(state, inputs[start : start + batch], labels[start : start + batch])
        losses.append(loss.item())
    return losses


state = fresh()
key = jax.random.key(0)


def run(units, limit):
    global state, key
    start = time.perf_counter()
    if batch == rows:
        state, _ = full_batches(state, inputs, labels, units)
    else:
        for _ in range(units):
            key, fold = jax.random.split(key)
            state, _ = epoch(state, inputs, labels, fold)
    jax.block_until_ready(state)
    return time.perf_counter() - start


serve({"jax": jax.__version__}, check, run)
