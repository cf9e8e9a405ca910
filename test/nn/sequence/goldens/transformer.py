"""Writes transformer.json: PyTorch's encoder and decoder layers with the gradients of everything, and the losses of two small nets
(a GPT and an LSTM classifier) over Adam steps, in f64.

Run by hand (needs torch): python test/nn/sequence/goldens/transformer.py
"""
import json
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(23)
torch.set_default_dtype(torch.float64)


def exact(*shape):
    return torch.round(torch.randn(*shape) * 32) / 64


def listed(t):
    return {"shape": list(t.shape), "data": [float("%.10g" % x) for x in t.detach().reshape(-1).tolist()]}


def weights(t):
    return torch.sin(torch.arange(1, t.numel() + 1, dtype=torch.float64)).reshape(t.shape)


def layer(kind, norm, activation, causal=False):
    make = nn.TransformerEncoderLayer if kind == "encoder" else nn.TransformerDecoderLayer
    net = make(6, 2, 10, dropout=0.0, activation=activation, batch_first=True, norm_first=norm == "pre")
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(exact(*p.shape))
    x = exact(2, 5, 6).requires_grad_()
    past = nn.Transformer.generate_square_subsequent_mask(5) if causal else None
    if kind == "encoder":
        other = None
        y = net(x, src_mask=past, is_causal=causal)
    else:
        other = exact(2, 3, 6).requires_grad_()
        y = net(x, other, tgt_mask=past, tgt_is_causal=causal)
    (y * weights(y)).sum().backward()
    return {
        "norm": norm,
        "activation": activation,
        "causal": causal,
        "parameters": {n: listed(p) for n, p in net.named_parameters()},
        "x": listed(x),
        "context": None if other is None else listed(other),
        "y": listed(y),
        "gradients": {
            "x": listed(x.grad),
            **({} if other is None else {"context": listed(other.grad)}),
            **{n: listed(p.grad) for n, p in net.named_parameters()},
        },
    }


VOCABULARY, WIDTH, HEADS, LAYERS, CONTEXT = 7, 8, 2, 2, 6


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, HEADS, 4 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(LAYERS)
        )
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        for block in self.blocks:
            x = block(x, src_mask=mask, is_causal=True)
        return self.norm(x) @ self.tokens.weight.T


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.lstm(x)[1][0][-1])


def trained(net, x, y, steps=10):
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(exact(*p.shape) / 2)
    start = {n: listed(p) for n, p in net.named_parameters()}
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    losses = []
    for _ in range(steps):
        logits = net(x)
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float("%.12g" % loss.item()))
    return {"parameters": start, "losses": losses}


tokens = torch.randint(0, VOCABULARY, (3, CONTEXT + 1))
sequences, labels = exact(6, 7, 4), torch.randint(0, 3, (6,))
result = {
    "source": f"torch {torch.__version__.split('+')[0]}",
    "layers": {
        "encoder, pre": layer("encoder", "pre", "gelu"),
        "encoder, post": layer("encoder", "post", "relu"),
        "encoder, pre, causal": layer("encoder", "pre", "relu", causal=True),
        "decoder, pre": layer("decoder", "pre", "gelu", causal=True),
        "decoder, post": layer("decoder", "post", "gelu", causal=True),
    },
    "gpt": {"tokens": tokens.tolist(), **trained(Gpt(), tokens[:, :-1], tokens[:, 1:])},
    "lstm": {"x": listed(sequences), "labels": labels.tolist(), **trained(Classifier(), sequences, labels)},
}
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transformer.json")
with open(out, "w") as file:
    json.dump(result, file, separators=(",", ":"))
print(out, os.path.getsize(out), "bytes")
