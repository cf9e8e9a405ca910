"""The PyTorch contestant: the job's network as written (default optimizer), with the fused optimizer, or compiled as well."""

import sys
import time

import numpy as np
import torch

from serve import job, read, serve

compiled = "--compile" in sys.argv
fused = compiled or "--fused" in sys.argv
torch.set_num_threads(job["threads"])

sizes, rows, batch = job["sizes"], job["rows"], job["batch"]
if job["loss"] != "crossEntropy":
    inputs = torch.from_numpy(read(job["inputs"], np.float32).reshape(rows, sizes[0]))
    labels = torch.from_numpy(read(job["labels"], np.float32).reshape(rows, 1))
else:
    inputs = torch.from_numpy(read(job["inputs"], np.uint8).reshape(rows, sizes[0]).astype(np.float32) / 255)
    labels = torch.from_numpy(read(job["labels"], np.uint8).astype(np.int64))
loss_of = {
    "bce": torch.nn.functional.binary_cross_entropy_with_logits,
    "mse": torch.nn.functional.mse_loss,
    "crossEntropy": torch.nn.functional.cross_entropy,
}[job["loss"]]
make_optimizer = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[job["optimizer"]]


def fresh():
    flat = torch.from_numpy(read(job["weights"], np.float32))
    layers, offset = [], 0
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        linear = torch.nn.Linear(fan_in, fan_out)
        with torch.no_grad():
            linear.weight.copy_(flat[offset : offset + fan_in * fan_out].reshape(fan_in, fan_out).T)
            offset += fan_in * fan_out
            linear.bias.copy_(flat[offset : offset + fan_out])
            offset += fan_out
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = make_optimizer(model.parameters(), lr=job["learningRate"], fused=fused or None)

    def forward(x, y):
        return loss_of(model(x), y)

    return torch.compile(forward) if compiled else forward, optimizer


def step(forward, optimizer, x, y):
    optimizer.zero_grad(set_to_none=True)
    loss = forward(x, y)
    loss.backward()
    optimizer.step()
    return loss


def check(steps):
    forward, optimizer = fresh()
    losses = []
    for i in range(steps):
        start = 0 if batch == rows else i * batch
        losses.append(step(forward, optimizer, inputs[start : start + batch], labels[start : start + batch]).item())
    return losses


state = fresh()


def run(units, limit):
    start = time.perf_counter()
    loss = None
    for _ in range(units):
        if batch == rows:
            loss = step(*state, inputs, labels)
            continue
        order = torch.randperm(rows)
        if batch == 1:
            # Views of rows shuffled at once take less than a gather each.
            for x, y in zip(inputs[order].split(1), labels[order].split(1)):
                loss = step(*state, x, y)
            continue
        for i in range(rows // batch):
            pick = order[i * batch : (i + 1) * batch]
            loss = step(*state, inputs[pick], labels[pick])
    loss.item()
    return time.perf_counter() - start


serve({"torch": torch.__version__}, check, run)
