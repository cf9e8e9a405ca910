"""Writes layers.json: PyTorch's layers on small odd shapes, their outputs, all gradients and running statistics, in f64.

Run by hand (needs torch): python test/nn/goldens/layers.py
Data are multiples of 1/64, exact in both precisions. Images and weights are written channels last, as nabla has them.
"""
import json
import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(23)


def exact(*shape, scale=1.0):
    return torch.tensor(np.round(rng.normal(size=shape) * scale * 64) / 64)


def last(t):
    """[n, c, ...] as [n, ..., c]."""
    return t.movedim(1, -1) if t.ndim > 2 else t


def kernel(t):
    """[o, i, ...kernel] as [...kernel, i, o]; a matrix [o, i] as [i, o]."""
    return t.permute(*range(2, t.ndim), 1, 0) if t.ndim > 1 else t


def array(t):
    return {"shape": list(t.shape), "data": [float("%.8g" % x) for x in t.detach().contiguous().reshape(-1).tolist()]}


class Case:
    def __init__(self, x, module, forward=None, train=True, names=None, rows=False):
        """names: nabla's path and layout of each parameter and buffer; rows: the input is not an image."""
        self.module, self.train = module, train
        place = (lambda t: t) if rows else last
        names = names or {}
        named = {name: p for name, p in module.named_parameters()}
        with torch.no_grad():
            for name, p in named.items():
                if name not in names or names[name][2:] != ("keep",):
                    p.copy_(exact(*p.shape, scale=0.5))
        told = lambda name: names.get(name, (name, kernel if name.endswith("weight") else (lambda t: t)))
        self.before = {}
        for name, p in named.items():
            path, layout = told(name)[:2]
            self.before[path] = array(layout(p))
        for name, b in module.named_buffers():
            if name in names:
                path, layout = names[name][:2]
                self.before[path] = array(layout(b))
        module.train(train)
        x = x.requires_grad_()
        with FlopCounterMode(display=False) as counter:
            y = (forward or module)(x)
        g = exact(*y.shape)
        grads = torch.autograd.grad((y * g).sum(), [x, *named.values()], allow_unused=True)
        self.out = {
            "train": train,
            "flops": counter.get_total_flops(),
            "x": array(place(x)),
            "tensors": self.before,
            "y": array(place(y)),
            "g": array(place(g)),
            "gradX": array(place(grads[0])),
            "grads": {told(name)[0]: array(told(name)[1](d)) for (name, _), d in zip(named.items(), grads[1:]) if d is not None},
            "after": {
                names[name][0]: array(names[name][1](b)) for name, b in module.named_buffers() if name in names
            },
        }


same = lambda t: t
CASES = {}


def case(name, *args, **options):
    CASES[name] = Case(*args, **options).out


def padded(conv, pads, mode="constant"):
    """pads: [before, after] of each axis, first axis first."""
    flat = [n for pair in reversed(pads) for n in pair]
    return lambda x: conv(F.pad(x, flat, mode=mode))


# convolutions
case("Conv1d stride padding", exact(2, 3, 9), nn.Conv1d(3, 4, 3, stride=2, padding=1))
case("Conv1d dilation groups", exact(2, 4, 11), nn.Conv1d(4, 6, 3, dilation=2, groups=2, bias=False))
case("Conv2d", exact(2, 3, 7, 5), nn.Conv2d(3, 5, (3, 2)))
conv = nn.Conv2d(3, 4, 3, stride=(2, 1))
case("Conv2d asymmetric", exact(2, 3, 7, 6), conv, forward=padded(conv, [[0, 1], [2, 0]]))
case("Conv2d dilation groups", exact(1, 4, 8, 9), nn.Conv2d(4, 6, (3, 2), dilation=(2, 3), groups=2, stride=(1, 2), padding=1, bias=False))
case("Conv2d same", exact(2, 2, 5, 6), nn.Conv2d(2, 3, (4, 3), padding="same", dilation=(1, 2)))
conv = nn.Conv2d(2, 3, 3, stride=2)
case("Conv2d same strided", exact(1, 2, 6, 7), conv, forward=padded(conv, [[0, 1], [1, 1]]))
for mode in ("reflect", "replicate", "circular"):
    case(f"Conv2d {mode}", exact(2, 2, 5, 6), nn.Conv2d(2, 3, 3, padding=(2, 1), stride=(1, 2), padding_mode=mode))
case("Conv2d depthwise", exact(2, 3, 6, 5), nn.Conv2d(3, 6, 3, padding=1, groups=3))
case("Conv3d", exact(1, 2, 4, 5, 6), nn.Conv3d(2, 3, (2, 3, 3), stride=(1, 2, 1), padding=(1, 0, 1)))
case("Conv3d dilation groups", exact(1, 4, 5, 4, 5), nn.Conv3d(4, 2, 2, dilation=(2, 1, 2), groups=2))
separable = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1, groups=3, bias=False), nn.Conv2d(6, 4, 1))
case(
    "SeparableConv2d",
    exact(2, 3, 5, 6),
    separable,
    names={
        "0.weight": ("depthwise/weight", kernel),
        "1.weight": ("pointwise/weight", kernel),
        "1.bias": ("pointwise/bias", same),
    },
)
case("ConvTranspose1d", exact(2, 3, 5), nn.ConvTranspose1d(3, 4, 3, stride=2, padding=1, output_padding=1))
case("ConvTranspose2d", exact(2, 3, 4, 5), nn.ConvTranspose2d(3, 2, (3, 2)))
case(
    "ConvTranspose2d all",
    exact(1, 4, 3, 4),
    nn.ConvTranspose2d(4, 6, 3, stride=(2, 3), padding=(1, 0), output_padding=(1, 2), dilation=(2, 1), groups=2, bias=False),
)
case("ConvTranspose3d", exact(1, 2, 2, 3, 2), nn.ConvTranspose3d(2, 3, 2, stride=(2, 1, 2), padding=(0, 1, 0)))

# pooling and resizing
case("MaxPool1d", exact(2, 3, 9), nn.MaxPool1d(3, stride=2, padding=1))
case("MaxPool2d", exact(2, 3, 7, 6), nn.MaxPool2d(2))
case("MaxPool2d dilation", exact(2, 2, 8, 9), nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 0), dilation=(2, 3)))
case("MaxPool3d", exact(1, 2, 4, 5, 4), nn.MaxPool3d(2, stride=(2, 1, 2), padding=1))
case("AvgPool1d", exact(2, 2, 8), nn.AvgPool1d(3, stride=2, padding=1))
case("AvgPool2d include", exact(2, 3, 7, 6), nn.AvgPool2d(3, stride=2, padding=1))
case("AvgPool2d exclude", exact(2, 3, 7, 6), nn.AvgPool2d((3, 2), stride=(2, 1), padding=1, count_include_pad=False))
case("AvgPool3d", exact(1, 2, 4, 5, 4), nn.AvgPool3d((2, 3, 2), stride=(2, 1, 1)))
case("AdaptiveAvgPool tiles", exact(2, 3, 6, 4), nn.AdaptiveAvgPool2d((3, 2)))
case("AdaptiveAvgPool", exact(2, 3, 7, 5), nn.AdaptiveAvgPool2d((3, 4)))
case("AdaptiveAvgPool larger", exact(1, 2, 3), nn.AdaptiveAvgPool1d(5))
case("AdaptiveMaxPool", exact(2, 3, 7, 5), nn.AdaptiveMaxPool2d((3, 4)))
case("AdaptiveMaxPool ties", exact(2, 3, 7, 5).round(), nn.AdaptiveMaxPool2d((3, 3)))
case("AdaptiveMaxPool 3d", exact(1, 2, 5, 4, 3), nn.AdaptiveMaxPool3d((2, None, 2)))
case("GlobalAvgPool", exact(2, 3, 4, 5), nn.Module(), forward=lambda x: x.mean((2, 3)))
case("GlobalMaxPool", exact(2, 3, 4, 5), nn.Module(), forward=lambda x: x.amax((2, 3)))
case("Upsample nearest", exact(2, 2, 3, 4), nn.Upsample(scale_factor=(2, 3)))
case("Upsample nearest size", exact(2, 2, 3, 4), nn.Upsample(size=(5, 3)))
case("Upsample linear", exact(2, 2, 5), nn.Upsample(scale_factor=2, mode="linear"))
case("Upsample bilinear", exact(2, 2, 3, 4), nn.Upsample(scale_factor=2, mode="bilinear"))
case("Upsample bilinear size", exact(2, 2, 6, 4), nn.Upsample(size=(4, 9), mode="bilinear"))
case("Upsample bilinear corners", exact(2, 2, 3, 4), nn.Upsample(size=(7, 5), mode="bilinear", align_corners=True))
case("Upsample trilinear", exact(1, 2, 2, 3, 2), nn.Upsample(scale_factor=2, mode="trilinear"))

# normalisation
running = {
    "weight": ("weight", same),
    "running_mean": ("runningMean", same),
    "running_var": ("runningVar", same),
}


def warmed(norm, *shape):
    """With running statistics that are not those it starts with."""
    norm.running_mean.copy_(exact(*norm.running_mean.shape))
    norm.running_var.copy_(exact(*norm.running_var.shape).abs() + 0.5)
    return norm


for name, shape, norm in (
    ("rows", (6, 4), nn.BatchNorm1d(4)),
    ("1d", (3, 4, 5), nn.BatchNorm1d(4, momentum=0.3, eps=1e-3)),
    ("2d", (3, 5, 4, 3), nn.BatchNorm2d(5)),
    ("3d", (2, 3, 2, 3, 2), nn.BatchNorm3d(3)),
):
    for train in (True, False):
        warmed(norm)
        case(f"BatchNorm {name} {'train' if train else 'eval'}", exact(*shape), norm, train=train, names=running)
case("BatchNorm large mean", exact(4, 3, 5, 5) + 64, warmed(nn.BatchNorm2d(3)), names=running)
case("BatchNorm plain", exact(3, 5, 4, 3), warmed(nn.BatchNorm2d(5, affine=False)), names=running)
case("BatchNorm untracked", exact(3, 5, 4, 3), nn.BatchNorm2d(5, track_running_stats=False), train=False, names={"weight": ("weight", same)})
cumulative = nn.BatchNorm1d(3, momentum=None)
with torch.no_grad():
    for _ in range(2):
        cumulative.train()(exact(5, 3))
case(
    "BatchNorm cumulative",
    exact(7, 3),
    cumulative,
    names={**running, "num_batches_tracked": ("batches", lambda t: t.to(torch.float64))},
)
keep = {"weight": ("weight", same)}
case("LayerNorm", exact(3, 4, 7), nn.LayerNorm(7), names=keep, rows=True)
case("LayerNorm several", exact(3, 4, 5), nn.LayerNorm((4, 5), eps=1e-3), names=keep, rows=True)
case("LayerNorm no bias", exact(5, 6), nn.LayerNorm(6, bias=False), names=keep, rows=True)
case("LayerNorm plain", exact(5, 6), nn.LayerNorm(6, elementwise_affine=False), rows=True)
case("RmsNorm", exact(3, 4, 7), nn.RMSNorm(7, eps=1e-6), names=keep, rows=True)
case("GroupNorm", exact(2, 6, 4, 3), nn.GroupNorm(3, 6), names=keep)
case("GroupNorm plain", exact(2, 6, 5), nn.GroupNorm(2, 6, affine=False))
case("InstanceNorm", exact(2, 3, 4, 5), nn.InstanceNorm2d(3, affine=True), names=keep)
case("InstanceNorm plain", exact(2, 3, 5), nn.InstanceNorm1d(3))
magnitude = lambda layout: {
    "parametrizations.weight.original0": ("magnitude", lambda t: t.reshape(-1)),
    "parametrizations.weight.original1": ("layer/weight", kernel),
    "bias": ("layer/bias", same),
}
normed = nn.utils.parametrizations.weight_norm
case("WeightNorm Linear", exact(3, 5), normed(nn.Linear(5, 4)), names=magnitude(kernel), rows=True)
case("WeightNorm Conv2d", exact(2, 2, 5, 4), normed(nn.Conv2d(2, 3, 3)), names=magnitude(kernel))
spectral = {
    "parametrizations.weight.original": ("layer/weight", kernel),
    "bias": ("layer/bias", same),
    "parametrizations.weight.0._u": ("right", same),
    # of the matrix [outputs, inputs * kernel]: here channels come last
    "parametrizations.weight.0._v": ("left", same),
}
spectrally = nn.utils.parametrizations.spectral_norm
for train in (True, False):
    case(
        f"SpectralNorm Linear {'train' if train else 'eval'}",
        exact(3, 5),
        spectrally(nn.Linear(5, 4), n_power_iterations=1),
        train=train,
        names=spectral,
        rows=True,
    )
place = lambda t: t.reshape(2, 3, 2).permute(1, 2, 0).reshape(-1)
case(
    "SpectralNorm Conv2d",
    exact(2, 2, 5, 4),
    spectrally(nn.Conv2d(2, 3, (3, 2)), n_power_iterations=2),
    names={**spectral, "parametrizations.weight.0._v": ("left", place)},
)

# sizes rounded up: the first and the last have a window that would begin in the padding after the image
case("MaxPool2d ceil", exact(2, 2, 6, 8), nn.MaxPool2d(3, stride=(2, 4), padding=1, ceil_mode=True))
case("MaxPool1d ceil dilation", exact(2, 2, 10), nn.MaxPool1d(2, stride=3, dilation=2, ceil_mode=True))
case("AvgPool2d ceil include", exact(2, 2, 6, 8), nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True))
case("AvgPool2d ceil exclude", exact(2, 2, 6, 8), nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False))
case("AvgPool1d ceil", exact(2, 2, 5), nn.AvgPool1d(2, stride=3, padding=1, ceil_mode=True))

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.json")
with open(out, "w") as file:
    json.dump({"source": f"torch {torch.__version__.split('+')[0]}", "cases": CASES}, file, separators=(",", ":"))
print(out, os.path.getsize(out), "bytes", len(CASES), "cases")
