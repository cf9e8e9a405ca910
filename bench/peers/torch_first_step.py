"""From nothing to the loss of the first training step: PyTorch, eager."""

import json

import torch

from serve import job

torch.set_num_threads(job["threads"])
sizes, batch = job["sizes"], job["batch"]
layers = []
for fan_in, fan_out in zip(sizes, sizes[1:]):
    layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
model = torch.nn.Sequential(*layers[:-1])
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

x, y = torch.rand(batch, sizes[0]), torch.randint(0, sizes[-1], (batch,))
loss = torch.nn.functional.cross_entropy(model(x), y)
loss.backward()
optimizer.step()
print(json.dumps({"loss": loss.item()}), flush=True)
