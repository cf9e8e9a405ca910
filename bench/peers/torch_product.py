"""The matrix product of PyTorch or NumPy, called from Python, or of the BLAS in them called from a C loop."""

import ctypes
import glob
import os
import subprocess
import sys
import tempfile

import numpy as np

from serve import job, serve
from values import digest, timed, values

m, n, k = job["m"], job["n"], job["k"]
transpose_a, transpose_b = job["transposeA"], job["transposeB"]
via = next(name for name in ("numpy", "torch", "openblas", "mkl", "onednn") if f"--{name}" in sys.argv)

a = values(m * k, 1).reshape((k, m) if transpose_a else (m, k))
b = values(k * n, 2).reshape((n, k) if transpose_b else (k, n))
left, right = a.T if transpose_a else a, b.T if transpose_b else b
result = np.zeros((m, n), np.float32)


def c_loop(library, gemm, gemv):
    """A loop in C around the Fortran entries with 64-bit integers, so that no interpreter stands between two products."""
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as folder:
        shared = os.path.join(folder, "blas_loop.so")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", shared, os.path.join(here, "blas_loop.c")], check=True)
        loop = ctypes.CDLL(shared).blas_loop
    entries = [ctypes.cast(getattr(library, name), ctypes.c_void_p) for name in (gemm, gemv)]
    arrays = [array.ctypes.data_as(ctypes.c_void_p) for array in (a, b, result)]
    sizes = [ctypes.c_int64(size) for size in (m, n, k)]

    def run(units):
        loop(*entries, *sizes, int(transpose_a), int(transpose_b), *arrays, ctypes.c_int64(units))

    return run


def openblas():
    [path] = glob.glob(os.path.join(os.path.dirname(np.__file__), "..", "numpy.libs", "libscipy_openblas64_*.so"))
    library = ctypes.CDLL(path)
    library.scipy_openblas_get_config64_.restype = ctypes.c_char_p
    return library


versions = {"numpy": np.__version__}
if via in ("numpy", "openblas"):
    library = openblas()
    library.scipy_openblas_set_num_threads64_(job["threads"])
    versions["OpenBLAS"] = library.scipy_openblas_get_config64_().decode().split()[1]
    if via == "openblas":
        run = c_loop(library, "scipy_sgemm_64_", "scipy_sgemv_64_")
    else:

        def run(units):
            for _ in range(units):
                np.matmul(left, right, out=result)

else:
    import torch

    torch.set_num_threads(job["threads"])
    versions["torch"] = torch.__version__
    if via == "mkl":
        # PyTorch sends f32 products to MKL, which its library exports.
        library = ctypes.CDLL(os.path.join(os.path.dirname(torch.__file__), "lib", "libtorch_cpu.so"))
        run = c_loop(library, "SGEMM_64", "SGEMV_64")
    else:
        x, y, out = torch.from_numpy(left), torch.from_numpy(right), torch.from_numpy(result)
        if via == "torch":

            def run(units):
                for _ in range(units):
                    torch.mm(x, y, out=out)

        else:
            # The operator behind torch.compile's linear layers; it takes the right side transposed and has no out=.
            linear, weight = torch.ops.mkldnn._linear_pointwise, y.t()

            def run(units):
                for _ in range(units):
                    product = linear(x, weight, None, "none", [], None)
                out.copy_(product)


def check(_steps):
    run(1)
    return digest(result)


serve(versions, check, timed(run))
