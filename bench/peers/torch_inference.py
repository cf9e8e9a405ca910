"""PyTorch's latency for one row through the network of the MNIST benchmark; see one_row.py."""

import torch

from one_row import serve_rows
from serve import job, read

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
rows = torch.from_numpy(read(job["inputs"], "float32")).view(job["rows"], 1, sizes[0]).unbind(0)
serve_rows(torch.nn.Sequential(*layers[:-1]), rows)
