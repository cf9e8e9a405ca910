"""Goldens of augmentations with explicit parameters, by torchvision (0.28), and quantiles by SciPy. Run: python generate.py > augment.json"""
import json
from unittest.mock import patch

import torch
from scipy import stats

# The transforms are plain PyTorch: torchvision's compiled operators, and their registration, are not needed.
torch.library.register_fake = lambda *a, **k: (lambda f: f)
from torchvision.transforms import InterpolationMode as M
from torchvision.transforms.v2 import functional as F
from torchvision import tv_tensors

torch.manual_seed(0)
B, C, H, W = 2, 3, 7, 6
x = (torch.rand(B, C, H, W) * 1000).round() / 1000
x[1, :, 2, 3] = 0.4  # a grey pixel
mask = torch.randint(0, 5, (B, H, W))
boxes = torch.tensor([[1.0, 1.0, 4.0, 5.0], [0.0, 2.0, 3.0, 6.0]])
nhwc = lambda t: [round(v, 5) for v in t.permute(0, 2, 3, 1).flatten().tolist()]
cases = []


def case(op, args, out):
    cases.append({"op": op, "args": args, "out": nhwc(out)})


for op, f in {
    "brightness": F.adjust_brightness, "contrast": F.adjust_contrast, "saturation": F.adjust_saturation,
    "hue": F.adjust_hue, "sharpness": F.adjust_sharpness, "posterize": F.posterize, "solarize": F.solarize,
}.items():
    for v in {"hue": [-0.37, 0.21], "posterize": [2, 4], "solarize": [0.3, 0.8]}.get(op, [0.4, 1.7]):
        case(op, {"value": v}, f(x, v))
for op, f in {"autocontrast": F.autocontrast, "equalize": F.equalize, "invert": F.invert}.items():
    case(op, {}, f(x))
case("grayscale", {}, F.rgb_to_grayscale(x, num_output_channels=3))
big = torch.rand(1, 1, 40, 40).pow(2)
equal = {"x": nhwc(big), "out": nhwc(F.equalize(big))}
for size, sigma in [(3, 0.7), (5, 1.9)]:
    case("blur", {"size": size, "sigma": sigma}, F.gaussian_blur(x, [size, size], [sigma, sigma]))
affines = []
for p in [
    {"angle": 30.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]},
    {"angle": 0.0, "translate": [2, -1], "scale": 1.0, "shear": [0.0, 0.0]},
    {"angle": 0.0, "translate": [0, 0], "scale": 1.3, "shear": [0.0, 0.0]},
    {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [12.0, -7.0]},
    {"angle": -17.0, "translate": [1, 2], "scale": 0.8, "shear": [9.0, 4.0]},
]:
    b = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(H, W))
    affines.append({
        **p,
        "bilinear": nhwc(F.affine(x, interpolation=M.BILINEAR, **p)),
        # torchvision itself counts the border's weight twice where it fills: less the fill, over zeros, plus the fill.
        "filled": nhwc(F.affine(x - 0.5, interpolation=M.BILINEAR, **p) + 0.5),
        "nearest": nhwc(F.affine(x, interpolation=M.NEAREST, fill=0.5, **p)),
        "mask": F.affine(tv_tensors.Mask(mask), **p).flatten().tolist(),
        "boxes": torch.as_tensor(F.affine(b, **p)).flatten().tolist(),
    })
flips = {}
for name, f in {"horizontal": F.horizontal_flip, "vertical": F.vertical_flip}.items():
    b = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(H, W))
    flips[name] = {"image": nhwc(f(x)), "mask": f(tv_tensors.Mask(mask)).flatten().tolist(), "boxes": torch.as_tensor(f(b)).flatten().tolist()}
crops = []
for top, left, pad, h, w in [(0, 3, 2, 7, 6), (3, 0, 2, 7, 6), (1, 2, 0, 4, 3)]:
    crops.append({"top": top, "left": left, "padding": pad, "size": [h, w], "out": nhwc(F.crop(F.pad(x, [pad] * 4, fill=0.25), top, left, h, w))})
resized = []
for top, left, h, w, size in [(1, 2, 4, 3, [7, 6]), (0, 0, 7, 6, [4, 4]), (2, 1, 5, 5, [5, 5])]:
    b = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(H, W))
    resized.append({
        "top": top, "left": left, "height": h, "width": w, "size": size,
        "bilinear": nhwc(F.resized_crop(x, top, left, h, w, size, M.BILINEAR, antialias=False)),
        "nearest": nhwc(F.resized_crop(x, top, left, h, w, size, M.NEAREST)),
        "mask": F.resized_crop(tv_tensors.Mask(mask), top, left, h, w, size).flatten().tolist(),
        "boxes": torch.as_tensor(F.clamp_bounding_boxes(F.resized_crop(b, top, left, h, w, size))).flatten().tolist(),
    })

from torchvision.transforms import v2
policies = []
for kind, t, part in [("rand", v2.RandAugment(), 9 / 30), ("trivial", v2.TrivialAugmentWide(), 17 / 30)]:
    for name, (magnitudes, signed) in t._AUGMENTATION_SPACE.items():
        values = magnitudes(31, H, W)
        m = 0.0 if values is None else float(values[round(part * 30)])
        for sign in [1, -1] if signed else [1]:
            out = t._apply_image_or_video_transform(x, name, m * sign, interpolation=M.NEAREST, fill={torch.Tensor: None, "others": None})
            policies.append({"kind": kind, "name": name, "part": part, "sign": sign, "out": nhwc(out)})

erases = []
for top, left, h, w, value in [(1, 2, 3, 4, 0.0), (0, 0, 6, 1, 0.25), (4, 5, 3, 1, -1.0)]:
    out = F.erase(x, top, left, h, w, torch.tensor([value])[:, None, None])
    erases.append({"top": top, "left": left, "height": h, "width": w, "value": value, "out": nhwc(out)})
# The partner of a sample is the one before it, of the first the last.
three = (torch.rand(3, C, H, W) * 1000).round() / 1000
labels = torch.tensor([2, 0, 3])
shares = torch.tensor([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.125, 0.0, 0.875]])


def mixed(t, lam, centre, targets):
    """As if lambda, and then the centre's column and row, had been drawn."""
    draws = iter(reversed(centre))
    with patch.object(torch.distributions.Beta, "sample", lambda *_: torch.tensor([lam])), \
            patch.object(torch, "randint", lambda *_, **__: torch.tensor([next(draws)])):
        return t(three, targets)


mixes = []
exact = lambda t: [round(v, 8) for v in t.flatten().tolist()]
for kind, lam, centre in [
    *[(v2.MixUp, lam, [0, 0]) for lam in [0.3, 0.875, 1.0]],
    *[(v2.CutMix, *p) for p in [(0.75, [3, 2]), (0.3, [0, 5]), (0.05, [6, 0]), (0.99, [3, 3]), (0.4, [2, 4])]],
]:
    out, hard = mixed(kind(num_classes=4), lam, centre, labels)
    _, soft = mixed(kind(), lam, centre, shares)
    mixes.append({"kind": kind.__name__, "lambda": lam, "centre": centre,
                  "out": exact(out.permute(0, 2, 3, 1)), "hard": exact(hard), "soft": exact(soft)})
mix = {"x": nhwc(three), "labels": labels.tolist(), "shares": shares.tolist(), "cases": mixes}

levels = [i / 20 for i in range(2, 19)]
betas = [{"alpha": a, "levels": levels, "quantiles": stats.beta.ppf(levels, a, a).tolist()} for a in [0.2, 0.5, 1, 3]]
print(json.dumps({"erases": erases, "mix": mix, "betas": betas, "shape": [B, H, W, C], "x": nhwc(x), "mask": mask.flatten().tolist(), "boxes": boxes.flatten().tolist(), "cases": cases,
                  "equal": equal, "affines": affines, "flips": flips, "crops": crops, "resized": resized, "policies": policies}))
