"""Saves of a state of parameters and Adam's moments in PyTorch: torch.save into a file, flushed to the disk, while nothing else happens."""

import json
import os
import shutil
import tempfile
import time

import torch

from serve import job

torch.set_num_threads(job["threads"])
sizes = job["sizes"]
layers = []
for fan_in, fan_out in zip(sizes, sizes[1:]):
    layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
model = torch.nn.Sequential(*layers[:-1])
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
torch.nn.functional.cross_entropy(model(torch.randn(8, sizes[0])), torch.arange(8)).backward()
optimizer.step()
folder = tempfile.mkdtemp()
writes = []
for _ in range(job["saves"]):
    asked = time.perf_counter()
    path = os.path.join(folder, "state.pt")
    with open(path + ".tmp", "wb") as file:
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".tmp", path)
    writes.append(time.perf_counter() - asked)
size = os.path.getsize(path)
shutil.rmtree(folder)
print(json.dumps({"bytes": size, "waits": writes, "writes": writes}), flush=True)
