"""Writes recurrent.json: PyTorch's RNN, LSTM and GRU with the gradients of everything, in f64.

Run by hand (needs torch): python test/nn/sequence/goldens/recurrent.py
"""
import json
import os

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(5)
torch.set_default_dtype(torch.float64)
BATCH, TIME, INPUTS, HIDDEN = 3, 5, 3, 4


def exact(*shape):
    return torch.round(torch.randn(*shape) * 32) / 64


def listed(t):
    return {"shape": list(t.shape), "data": [float("%.10g" % x) for x in t.detach().reshape(-1).tolist()]}


def weights(*shape):
    """What outputs are weighed with in the loss."""
    count = torch.Size(shape).numel()
    return torch.sin(torch.arange(1, count + 1, dtype=torch.float64)).reshape(shape)


def case(kind, lengths=None, initial=False, **options):
    model = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](
        INPUTS, HIDDEN, batch_first=True, **options
    )
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(exact(*p.shape))
    x = exact(BATCH, TIME, INPUTS).requires_grad_()
    cells = model.num_layers * (2 if model.bidirectional else 1)
    names = ["h", "c"] if kind == "lstm" else ["h"]
    start = {n: exact(cells, BATCH, HIDDEN).requires_grad_() for n in names} if initial else {}
    state = (tuple(start[n] for n in names) if kind == "lstm" else start["h"]) if initial else None
    if lengths is None:
        outputs, final = model(x, state)
    else:
        packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
        outputs, final = model(packed, state)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=TIME)
    finals = dict(zip(names, final if kind == "lstm" else [final]))
    loss = (outputs * weights(*outputs.shape)).sum()
    for f in finals.values():
        loss = loss + (f * weights(*f.shape)).sum()
    loss.backward()
    return {
        "kind": kind,
        "options": options,
        "lengths": lengths,
        "parameters": {n: listed(p) for n, p in model.named_parameters()},
        "x": listed(x),
        "initial": {n: listed(s) for n, s in start.items()} or None,
        "outputs": listed(outputs),
        "final": {n: listed(f) for n, f in finals.items()},
        "gradients": {
            "x": listed(x.grad),
            **{f"initial.{n}": listed(s.grad) for n, s in start.items()},
            **{n: listed(p.grad) for n, p in model.named_parameters()},
        },
    }


cases = {
    "rnn": case("rnn"),
    "rnn relu, no bias, lengths": case("rnn", [5, 2, 3], nonlinearity="relu", bias=False),
    "rnn, two layers, both directions": case("rnn", initial=True, num_layers=2, bidirectional=True),
    "lstm": case("lstm"),
    "lstm, initial state, lengths": case("lstm", [1, 5, 4], initial=True),
    "lstm, two layers, both directions, lengths": case(
        "lstm", [3, 1, 5], initial=True, num_layers=2, bidirectional=True
    ),
    "gru": case("gru"),
    "gru, no bias, initial state": case("gru", initial=True, bias=False),
    "gru, two layers, both directions, lengths": case("gru", [4, 5, 2], num_layers=2, bidirectional=True),
}

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recurrent.json")
with open(out, "w") as file:
    json.dump({"source": f"torch {torch.__version__.split('+')[0]}", "cases": cases}, file, separators=(",", ":"))
print(out, os.path.getsize(out), "bytes")
