"""PyTorch's latency for one row through a network: eager under inference_mode, or --traced and frozen."""

import itertools
import sys
import time

import torch

from serve import job, serve
from torch_networks import make_network, read_data

torch.set_num_threads(job["threads"])
rows = read_data(job)[0][:64].split(1)
model = make_network(job).eval()
if "--traced" in sys.argv:
    model = torch.jit.freeze(torch.jit.trace(model, rows[0]))


@torch.inference_mode()
def check(steps):
    return [number for row in rows[:steps] for number in model(row).flatten().tolist()]


@torch.inference_mode()
def run(units, _limit):
    start = time.perf_counter()
    # Every call has another input; the result lies in memory when the call returns, and reading it is not charged.
    for row in itertools.islice(itertools.cycle(rows), units):
        model(row)
    return time.perf_counter() - start


serve({"torch": torch.__version__}, check, run)
