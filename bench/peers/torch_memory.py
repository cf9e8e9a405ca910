"""An epoch of MNIST in PyTorch, batches taken from tensors in memory; the memory of its process before and at most."""

import json
import sys

import numpy as np
import torch

from memory import peak, resident, start_peak
from serve import job, read

torch.set_num_threads(job["threads"])
fused = "--fused" in sys.argv
sizes, rows, batch = job["sizes"], job["rows"], job["batch"]
empty = resident()
# The test images, too: nabla's mnist() loads both.
x, more = (torch.from_numpy(read(job[name], np.uint8).reshape(-1, sizes[0]).astype(np.float32) / 255) for name in ("inputs", "testInputs"))
y = torch.from_numpy(read(job["labels"], np.uint8).astype(np.int64))
base = start_peak()

layers = []
for fan_in, fan_out in zip(sizes, sizes[1:]):
    layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
model = torch.nn.Sequential(*layers[:-1])
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused or None)
order = torch.randperm(rows)
for i in range(rows // batch):
    pick = order[i * batch : (i + 1) * batch]
    optimizer.zero_grad(set_to_none=True)
    loss = torch.nn.functional.cross_entropy(model(x[pick]), y[pick])
    loss.backward()
    optimizer.step()
print(json.dumps({"loss": loss.item(), "empty": empty, "base": base, "peak": peak()}), flush=True)
