"""PyTorch's latency for one row: eager under inference_mode, or --traced and frozen."""

import itertools
import sys
import time

import torch

from serve import job, read, serve

torch.set_num_threads(job["threads"])
sizes = job["sizes"]

flat, offset = torch.from_numpy(read(job["weights"], "float32")), 0
layers = []
for fan_in, fan_out in zip(sizes, sizes[1:]):
    linear = torch.nn.Linear(fan_in, fan_out)
    with torch.no_grad():
        linear.weight.copy_(flat[offset : offset + fan_in * fan_out].view(fan_in, fan_out).T)
        offset += fan_in * fan_out
        linear.bias.copy_(flat[offset : offset + fan_out])
        offset += fan_out
    layers += [linear, torch.nn.ReLU()]
model = torch.nn.Sequential(*layers[:-1]).eval()
rows = torch.from_numpy(read(job["inputs"], "float32")).view(job["rows"], 1, sizes[0]).unbind(0)
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
