"""PyTorch's latency for one row through a network; see one_row.py."""

import torch

from one_row import serve_rows
from serve import job
from torch_networks import make_network, read_data

torch.set_num_threads(job["threads"])
serve_rows(make_network(job), read_data(job)[0][:64].split(1))
