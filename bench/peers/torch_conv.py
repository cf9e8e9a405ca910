"""PyTorch's convolution, which is oneDNN's, or one of its gradients; images as [channels, height, width] or --channels-last."""

import sys

import torch

from serve import job, serve
from values import digest, timed, values

torch.set_num_threads(job["threads"])
torch.set_grad_enabled(False)
batch, size, channels = job["batch"], job["size"], job["channels"]
layout = torch.channels_last if "--channels-last" in sys.argv else torch.contiguous_format


def make(shape, seed):
    count = int(torch.tensor(shape).prod())
    return torch.from_numpy(values(count, seed, -1, 1)).view(*shape)


image = [batch, size, size, channels]
x = make(image, 1).permute(0, 3, 1, 2).contiguous(memory_format=layout)
w = make([3, 3, channels, channels], 2).permute(3, 2, 0, 1).contiguous(memory_format=layout)
g = make(image, 3).permute(0, 3, 1, 2).contiguous(memory_format=layout)


def gradient(which):
    mask = [which == "input", which == "filter", False]
    found = torch.ops.aten.convolution_backward(g, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask)
    return found[0] if which == "input" else found[1]


def once():
    return torch.conv2d(x, w, padding=1) if job["pass"] == "forward" else gradient(job["pass"])


def check(_steps):
    """Numbers in nabla's order."""
    order = (2, 3, 1, 0) if job["pass"] == "filter" else (0, 2, 3, 1)
    return digest(once().permute(*order).contiguous().numpy())


def run(units):
    for _ in range(units):
        once()


serve({"torch": torch.__version__}, check, timed(run))
