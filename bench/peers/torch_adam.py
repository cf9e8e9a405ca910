"""PyTorch's Adam: its default (one tensor after the other on the CPU), --foreach or --fused."""

import sys

import torch

from serve import job, serve
from values import digest, timed, values

torch.set_num_threads(job["threads"])
variant = {name: True for name in ("foreach", "fused") if f"--{name}" in sys.argv}


def tree(seed):
    return [torch.from_numpy(values(job["size"], 2 * i + seed, -1, 1)) for i in range(job["tensors"])]


def fresh():
    params = tree(0)
    for param, grad in zip(params, tree(1)):
        param.grad = grad
    return params, torch.optim.Adam(params, lr=job["learningRate"], **variant)


state = fresh()


def run(units):
    for _ in range(units):
        state[1].step()


def check(steps):
    global state
    run(steps)
    numbers = digest(state[0][-1].numpy())
    state = fresh()
    return numbers


serve({"torch": torch.__version__}, check, timed(run))
