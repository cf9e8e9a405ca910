"""The networks of ../networks.ts in PyTorch, with the common initial weights, and a step of their training."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from serve import read


class Weights:
    """The job's arrays one after the other, in nabla's layout, and how they lie in PyTorch."""

    def __init__(self, job):
        self.flat, self.shapes, self.offset = read(job["weights"], np.float32), iter(job["shapes"]), 0

    def array(self):
        shape = next(self.shapes)
        size = int(np.prod(shape))
        self.offset += size
        return torch.from_numpy(self.flat[self.offset - size : self.offset].reshape(shape).copy())

    def conv(self, layer):
        """[height, width, in, out] as [out, in, height, width]."""
        self.fill(layer, self.array().permute(3, 2, 0, 1))
        return layer

    def linear(self, layer):
        self.fill(layer, self.array().T)
        return layer

    def after_flatten(self, layer, shape):
        """The first product after images: nabla flattens [height, width, channels], PyTorch [channels, height, width]."""
        self.fill(layer, self.array().reshape(*shape, -1).permute(3, 2, 0, 1).flatten(1))
        return layer

    def norm(self, layer):
        self.fill(layer, self.array())
        return layer

    def fill(self, layer, weight):
        with torch.no_grad():
            layer.weight.copy_(weight)
            if layer.bias is not None:
                layer.bias.copy_(self.array())


def lenet(w):
    return nn.Sequential(
        w.conv(nn.Conv2d(1, 6, 5, padding=2)),
        nn.ReLU(),
        nn.MaxPool2d(2),
        w.conv(nn.Conv2d(6, 16, 5)),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        w.after_flatten(nn.Linear(400, 120), (5, 5, 16)),
        nn.ReLU(),
        w.linear(nn.Linear(120, 84)),
        nn.ReLU(),
        w.linear(nn.Linear(84, 10)),
    )


class Block(nn.Module):
    def __init__(self, w, inputs, outputs):
        super().__init__()
        self.halves = inputs != outputs
        self.first = w.conv(nn.Conv2d(inputs, outputs, 3, outputs // inputs, padding=1, bias=False))
        self.first_norm = w.norm(nn.BatchNorm2d(outputs))
        self.second = w.conv(nn.Conv2d(outputs, outputs, 3, padding=1, bias=False))
        self.second_norm = w.norm(nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.second_norm(self.second(F.relu(self.first_norm(self.first(x)))))
        if self.halves:
            more = x.shape[1] // 2
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, more, more))
        return F.relu(x + y)


def resnet20(w):
    widths = [16, 16, 16, 32, 32, 32, 64, 64, 64]
    first = [w.conv(nn.Conv2d(3, 16, 3, padding=1, bias=False)), w.norm(nn.BatchNorm2d(16)), nn.ReLU()]
    blocks = [Block(w, inputs, outputs) for inputs, outputs in zip([16] + widths, widths)]
    return nn.Sequential(*first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), w.linear(nn.Linear(64, 10)))


class GptBlock(nn.Module):
    """Query, key and value in one product, attention by PyTorch's own kernel."""

    def __init__(self, w, width, heads):
        super().__init__()
        self.heads = heads
        self.norm = w.norm(nn.LayerNorm(width))
        self.projections = nn.Linear(width, 3 * width)
        parts = [w.array() for _ in range(6)]
        with torch.no_grad():
            self.projections.weight.copy_(torch.cat(parts[::2], 1).T)
            self.projections.bias.copy_(torch.cat(parts[1::2]))
        self.output = w.linear(nn.Linear(width, width))
        self.feed_norm = w.norm(nn.LayerNorm(width))
        self.feed = nn.Sequential(
            w.linear(nn.Linear(width, 4 * width)), nn.GELU(), w.linear(nn.Linear(4 * width, width))
        )

    def forward(self, x):
        batch, time, width = x.shape
        parts = self.projections(self.norm(x)).split(width, 2)
        q, k, v = (part.view(batch, time, self.heads, -1).transpose(1, 2) for part in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(y.transpose(1, 2).reshape(batch, time, width))
        return x + self.feed(self.feed_norm(x))


class Gpt(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.tokens, self.positions = nn.Parameter(w.array()), nn.Parameter(w.array())
        self.blocks = nn.ModuleList(GptBlock(w, 128, 4) for _ in range(4))
        self.norm = w.norm(nn.LayerNorm(128))

    def forward(self, tokens):
        x = F.embedding(tokens, self.tokens) + self.positions
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens)


class Lstm(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.lstm = nn.LSTM(64, 128, batch_first=True)
        with torch.no_grad():
            self.lstm.weight_ih_l0.copy_(w.array().T)
            self.lstm.weight_hh_l0.copy_(w.array().T)
            self.lstm.bias_ih_l0.copy_(w.array())
            self.lstm.bias_hh_l0.copy_(w.array())
        self.output = w.linear(nn.Linear(128, 10))

    def forward(self, x):
        return self.output(self.lstm(x)[1][0][-1])


def make_network(job, channels_last=False):
    make = {"lenet": lenet, "resnet20": resnet20, "gpt": Gpt, "lstm": Lstm}[job["network"]]
    network = make(Weights(job))
    return network.to(memory_format=torch.channels_last) if channels_last else network


def read_data(job, channels_last=False):
    """Images as [rows, channels, height, width], in the memory format asked for."""
    kind = job["inputType"]
    x = torch.from_numpy(read(job["inputs"], np.float32 if kind == "f32" else np.uint8))
    x = x.view(job["rows"], *job["inputShape"])
    x = {"pixels": lambda: x.float() / 255, "f32": lambda: x, "tokens": lambda: x.long()}[kind]()
    if x.dim() == 4:
        x = x.permute(0, 3, 1, 2).contiguous(
            memory_format=torch.channels_last if channels_last else torch.contiguous_format
        )
    y = torch.from_numpy(read(job["labels"], np.uint8)).long()
    return x, y.view(job["rows"], *job["labelShape"])


def make_training(job, channels_last=False, compiled=False):
    """A step (x, y) -> loss with the fused optimizer, the fastest of PyTorch's."""
    network = make_network(job, channels_last)
    rate, parameters = job["learningRate"], network.parameters()
    optimizer = {
        "adam": lambda: torch.optim.Adam(parameters, rate, fused=True),
        "adamW": lambda: torch.optim.AdamW(parameters, rate, weight_decay=0.01, fused=True),
        "sgd": lambda: torch.optim.SGD(parameters, rate, momentum=0.9, weight_decay=1e-4, fused=True),
    }[job["optimizer"]]()

    def loss_of(x, y):
        return F.cross_entropy(network(x).flatten(0, -2), y.flatten())

    forward = torch.compile(loss_of) if compiled else loss_of

    def step(x, y):
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return loss

    return step
