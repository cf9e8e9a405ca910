"""Twenty steps of a network in PyTorch; the memory of its process before and at most."""

import json

import torch

from memory import peak, start_peak
from serve import job
from torch_networks import make_training, read_data

torch.set_num_threads(job["threads"])
x, y = read_data(job)
batch, batches = job["batch"], job["rows"] // job["batch"]
base = start_peak()

step = make_training(job)
for i in range(20):
    start = i % batches * batch
    loss = step(x[start : start + batch], y[start : start + batch])
print(json.dumps({"loss": loss.item(), "base": base, "peak": peak()}), flush=True)
