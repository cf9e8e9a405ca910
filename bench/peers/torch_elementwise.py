"""PyTorch's elementwise work: as users write it, --out into memory that is there, or --compile."""

import math
import sys

import torch

from serve import job, serve
from values import digest, timed, values

torch.set_num_threads(job["threads"])
shape = job["shape"]
x = torch.from_numpy(values(math.prod(shape), 1, -2, 4).reshape(shape))
a, b = 1.1, 0.3
result = torch.empty_like(x)

plain = {
    "gelu": lambda x: torch.nn.functional.gelu(a * x + b),
    "softmax": lambda x: torch.softmax(x, -1),
}[job["operation"]]


def gelu_out():
    torch.mul(x, a, out=result).add_(b)
    torch._C._nn.gelu_(result)


def softmax_out():
    torch.softmax(x, -1, out=result)


def run(units):
    global result
    with torch.inference_mode():
        if "--out" in sys.argv:
            into = {"gelu": gelu_out, "softmax": softmax_out}[job["operation"]]
            for _ in range(units):
                into()
        else:
            for _ in range(units):
                result = work(x)


work = torch.compile(plain) if "--compile" in sys.argv else plain


def check(_steps):
    run(1)
    return digest(result.numpy())


serve({"torch": torch.__version__}, check, timed(run))
