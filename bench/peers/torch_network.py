"""PyTorch's side of training a network: eager or --compile, images as [channels, height, width] or --channels-last."""

import sys
import time

import torch

from serve import job, serve
from torch_networks import make_training, read_data

torch.set_num_threads(job["threads"])
compiled, channels_last = "--compile" in sys.argv, "--channels-last" in sys.argv
x, y = read_data(job, channels_last)
batch, batches = job["batch"], job["rows"] // job["batch"]


def batch_at(at):
    start = at % batches * batch
    return x[start : start + batch], y[start : start + batch]


def check(steps):
    step = make_training(job, channels_last, compiled)
    return [step(*batch_at(i)).item() for i in range(steps)]


step = make_training(job, channels_last, compiled)
taken = 0


def run(units, limit):
    global taken
    start = time.perf_counter()
    for done in range(1, units + 1):
        loss = step(*batch_at(taken))
        taken += 1
        if time.perf_counter() - start > limit:
            return {"seconds": time.perf_counter() - start, "units": done}
    loss.item()
    return time.perf_counter() - start


serve({"torch": torch.__version__}, check, run)
