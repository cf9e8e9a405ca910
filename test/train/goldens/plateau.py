"""Writes plateau.json: learning rates of PyTorch's ReduceLROnPlateau after each of 40 values.

Run by hand (needs torch): python test/train/goldens/plateau.py
"""
import json
import os

import numpy as np
import torch

rng = np.random.default_rng(3)
falling = np.exp(-np.arange(40) / 8) + 0.3 + rng.normal(size=40) * 0.03
values = np.round(falling * 1024) / 1024
CASES = [
    dict(factor=0.5, patience=2),
    dict(factor=0.1, patience=0, cooldown=3),
    dict(factor=0.5, patience=1, threshold=0.05, min_lr=0.02),
    dict(factor=0.5, patience=2, threshold=0.02, threshold_mode="abs"),
    dict(factor=0.5, patience=1, mode="max", threshold=0.01),
    dict(factor=0.5, patience=1, mode="max", threshold=0.01, threshold_mode="abs", cooldown=2),
]
runs = []
for options in CASES:
    p = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([p], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, eps=0, **options)
    rates = []
    for value in values:
        scheduler.step(1.5 - value if options.get("mode") == "max" else value)
        rates.append(optimizer.param_groups[0]["lr"])
    runs.append({"options": options, "rates": rates})
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "plateau.json"), "w") as file:
    json.dump({"values": values.tolist(), "runs": runs}, file)
    file.write("\n")
