"""torch.save of an equal state: seconds for which the training loop waits."""
import json
import os
import sys
import tempfile
import time

import torch

job = json.loads(sys.argv[-1])
torch.set_num_threads(job["threads"])
sizes = job["sizes"]
layers = []
for inputs, outputs in zip(sizes, sizes[1:]):
    layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
model = torch.nn.Sequential(*layers[:-1])
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
x = torch.randn(job["batchSize"], sizes[0])
y = torch.arange(job["batchSize"]) % 10
torch.nn.functional.cross_entropy(model(x), y).backward()
optimizer.step()

seconds = []
with tempfile.TemporaryDirectory(dir=job.get("where")) as folder:
    path = os.path.join(folder, "state.pt")
    for _ in range(job["saves"]):
        began = time.perf_counter()
        with open(path, "wb") as file:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
            file.flush()
            os.fsync(file.fileno())
        seconds.append(time.perf_counter() - began)
print(json.dumps({"seconds": seconds, "version": torch.__version__}))
