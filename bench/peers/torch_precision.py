"""Milliseconds a training step takes in PyTorch, in f32 or under autocast to bf16: the least of several epochs."""

import json
import sys
import time

import torch
from torch import nn

job = json.loads(sys.argv[-1])
torch.set_num_threads(job["threads"])
rows, batch = job["rows"], job["batch"]
wide = lambda: nn.Sequential(
    nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10)
)
lenet = lambda: nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
)
model = {"wide": wide, "lenet": lenet}[job["network"]]()
optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
x = torch.rand(rows, *((1, 28, 28) if job["network"] == "lenet" else (784,)))
y = torch.arange(rows) % 10
best = float("inf")
for _ in range(job["epochs"]):
    start = time.perf_counter()
    for at in range(0, rows, batch):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled="--autocast" in sys.argv):
            loss = nn.functional.cross_entropy(model(x[at : at + batch]), y[at : at + batch])
        loss.backward()
        optimizer.step()
    loss.item()
    best = min(best, (time.perf_counter() - start) * 1000 * batch / rows)
print(json.dumps({"ms": best}))
