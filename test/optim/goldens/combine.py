"""Writes combine.json: parameters after each of 12 steps with given gradients, by optax and PyTorch in float64, and an elastic net's solution.

Run by hand (needs torch, jax, optax, scikit-learn): python test/optim/goldens/combine.py
Parameters and gradients are multiples of 1/64, exact in both precisions. Matrices are [inputs, outputs]; where an authority counts the
output's axis first they are handed to it transposed.
"""
import json
import os

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import optax
import torch
from sklearn.linear_model import ElasticNet
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STEPS = 12
rng = np.random.default_rng(11)


def exact(*shape):
    return np.round(rng.normal(size=shape) * 64) / 64


PARAMS = {"b": exact(2), "w": exact(3, 2)}
GRADS = [{"b": exact(2), "w": exact(3, 2)} for _ in range(STEPS)]


def tree(x):
    return {k: jnp.asarray(v) for k, v in x.items()}


def flat(x):
    return {k: [float(v) for v in np.asarray(x[k]).ravel()] for k in ("b", "w")}


def run(opt, turned=False):
    turn = (lambda t: {"b": t["b"], "w": t["w"].T}) if turned else (lambda t: t)
    params = tree(turn(PARAMS))
    state = opt.init(params)
    kept = []
    for g in GRADS:
        updates, state = opt.update(tree(turn(g)), state, params)
        params = optax.apply_updates(params, updates)
        kept.append(flat(turn(params)))
    return kept


def run_lookahead(opt):
    params = optax.LookaheadParams.init_synced(tree(PARAMS))
    state = opt.init(params)
    kept = []
    for g in GRADS:
        updates, state = opt.update(tree(g), state, params)
        params = optax.apply_updates(params, updates)
        kept.append(flat(params.fast))
    return kept


def averages(average, start, every):
    model = torch.nn.ParameterDict({k: torch.nn.Parameter(torch.tensor(v)) for k, v in PARAMS.items()})
    opt = torch.optim.SGD(model.values(), lr=0.1, momentum=0.9)
    averaged = AveragedModel(model, multi_avg_fn=average)
    if average is not None:
        averaged.update_parameters(model)  # the first call copies: ours begins as the parameters
    kept = []
    for t, g in enumerate(GRADS):
        for k, p in model.items():
            p.grad = torch.tensor(g[k])
        opt.step()
        if t >= start and (t - start) % every == 0:
            averaged.update_parameters(model)
        source = averaged.module if t >= start or average is not None else model
        kept.append(flat({k: source[k].detach().numpy() for k in ("b", "w")}))
    return kept


def run_sam(adaptive):
    """L(p) = sum of a (p - c)^2 / 2 with the rule of the papers' code; plain SGD on it."""
    a, c = GRADS[0], GRADS[1]
    params = {k: v.copy() for k, v in PARAMS.items()}
    grad = lambda p: {k: np.abs(a[k]) * (p[k] - c[k]) for k in p}
    kept = []
    for _ in range(STEPS):
        g = grad(params)
        sized = {k: (np.abs(params[k]) * g[k] if adaptive else g[k]) for k in g}
        norm = np.sqrt(sum((v**2).sum() for v in sized.values()))
        moved = {k: params[k] + 0.1 / (norm + 1e-12) * (params[k] ** 2 * g[k] if adaptive else g[k]) for k in g}
        g = grad(moved)
        params = {k: params[k] - 0.1 * g[k] for k in params}
        kept.append(flat(params))
    return kept


def run_optax_sam():
    a, c = tree(GRADS[0]), tree(GRADS[1])
    loss = lambda p: sum((jnp.abs(a[k]) * (p[k] - c[k]) ** 2 / 2).sum() for k in p)
    opt = optax.contrib.sam(optax.sgd(0.1), optax.chain(optax.contrib.normalize(), optax.sgd(0.1)), sync_period=2, opaque_mode=True)
    params = tree(PARAMS)
    state = opt.init(params)
    kept = []
    for _ in range(STEPS):
        updates, state = opt.update(jax.grad(loss)(params), state, params, grad_fn=lambda p, _: jax.grad(loss)(p))
        params = optax.apply_updates(params, updates)
        kept.append(flat(params))
    return kept


def run_max_norm():
    params = {k: torch.tensor(v) for k, v in PARAMS.items()}
    kept = []
    for g in GRADS:
        params = {k: params[k] - 0.1 * torch.tensor(g[k]) for k in params}
        params["w"] = torch.renorm(params["w"], p=2, dim=1, maxnorm=1.25)
        kept.append(flat(params))
    return kept


def elastic_net():
    """Coefficients that minimise |y - x w|^2 / 2n + l1 |w| + l2 w^2 / 2."""
    x, noise = exact(40, 8), exact(40)
    y = x @ np.array([1.5, 0, 0, -2, 0, 0.5, 0, 0]) + noise / 4
    l1, l2 = 0.25, 0.125
    fit = ElasticNet(alpha=l1 + l2, l1_ratio=l1 / (l1 + l2), fit_intercept=False, tol=1e-14, max_iter=100000).fit(x, y)
    return {"x": x.tolist(), "y": y.tolist(), "l1": l1, "l2": l2, "coefficients": fit.coef_.tolist()}


def run_muon(**options):
    torch.Tensor.bfloat16 = lambda self: self.clone()  # PyTorch iterates in bfloat16; here in the gradients' own precision
    w = torch.nn.Parameter(torch.tensor(PARAMS["w"].T.copy()))
    b = torch.nn.Parameter(torch.tensor(PARAMS["b"]))
    of_w = torch.optim.Muon([w], **options)
    of_b = torch.optim.AdamW([b], lr=0.01, weight_decay=0.01)
    kept = []
    for g in GRADS:
        w.grad, b.grad = torch.tensor(g["w"].T.copy()), torch.tensor(g["b"])
        of_w.step()
        of_b.step()
        kept.append(flat({"b": b.detach().numpy(), "w": w.detach().numpy().T}))
    return kept


momentum = optax.sgd(0.1, momentum=0.9)
runs = {
    "partition": run(optax.multi_transform({"sgd": momentum, "adam": optax.adam(0.01)}, {"b": "sgd", "w": "adam"})),
    "accumulate": run(optax.MultiSteps(momentum, every_k_schedule=4).gradient_transformation()),
    "accumulate adam": run(optax.MultiSteps(optax.adam(0.01), every_k_schedule=3).gradient_transformation()),
    "lookahead": run_lookahead(optax.lookahead(momentum, sync_period=4, slow_step_size=0.5)),
    "lookahead adam": run_lookahead(optax.lookahead(optax.adam(0.05), sync_period=5, slow_step_size=0.8)),
    "centralise": run(optax.chain(optax.centralize(), momentum), turned=True),
    "ema": averages(get_ema_multi_avg_fn(0.8), 0, 1),
    "swa": averages(None, 5, 1),
    "swa every": averages(None, 2, 3),
    "sam": run_optax_sam(),
    "sam by the rule": run_sam(False),
    "sam adaptive": run_sam(True),
    "muon": run_muon(lr=0.02, weight_decay=0.1),
    "muon all": run_muon(
        lr=0.02, weight_decay=0.01, momentum=0.8, nesterov=False, ns_steps=3, ns_coefficients=(3.0, -3.2, 1.2), adjust_lr_fn="match_rms_adamw"
    ),
    "maxNorm": run_max_norm(),
    "nonNegative": run(optax.chain(momentum, optax.keep_params_nonnegative())),
}

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "combine.json"), "w") as file:
    json.dump({"params": flat(PARAMS), "grads": [flat(g) for g in GRADS], "runs": runs, "elasticNet": elastic_net()}, file)
    file.write("\n")
