"""PyTorch's optimizers: its default (one tensor after the other on the CPU), --foreach or --fused. Lion, which it lacks, by foreach."""

import sys

import torch

from serve import job, serve
from values import digest, timed, values

torch.set_num_threads(job["threads"])
variant = {name: True for name in ("foreach", "fused") if f"--{name}" in sys.argv}
rate = job["learningRate"]


def tree(seed):
    return [torch.from_numpy(values(job["size"], 2 * i + seed, -1, 1)) for i in range(job["tensors"])]


class Averaged:
    """AdamW after clipping, then the average as torch.optim.swa_utils.get_ema_multi_avg_fn computes it."""

    def __init__(self, params):
        self.params = params
        self.average = [param.clone() for param in params]
        self.optimizer = torch.optim.AdamW(params, lr=rate, weight_decay=0.01, **variant)

    @torch.no_grad()
    def step(self):
        torch.nn.utils.clip_grad_norm_(self.params, 1.0)
        self.optimizer.step()
        torch._foreach_lerp_(self.average, self.params, 1 - 0.999)


class Lion:
    def __init__(self, params):
        self.params = params
        self.momentum = [torch.zeros_like(param) for param in params]

    @torch.no_grad()
    def step(self):
        grads = [param.grad for param in self.params]
        direction = torch._foreach_mul(self.momentum, 0.9)
        torch._foreach_add_(direction, grads, alpha=0.1)
        torch._foreach_sign_(direction)
        torch._foreach_mul_(self.params, 1 - rate)
        torch._foreach_add_(self.params, direction, alpha=-rate)
        torch._foreach_mul_(self.momentum, 0.99)
        torch._foreach_add_(self.momentum, grads, alpha=0.01)


rules = {
    "momentum": lambda params: torch.optim.SGD(params, lr=rate, momentum=0.9, **variant),
    "adam": lambda params: torch.optim.Adam(params, lr=rate, **variant),
    "adamw-clip-ema": Averaged,
    "lion": Lion,
}


def fresh():
    params = tree(0)
    for param, grad in zip(params, tree(1)):
        param.grad = grad
    return params, rules[job["rule"]](params)


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
