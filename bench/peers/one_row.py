"""Serves the latency of a PyTorch network for one row a call: eager under inference_mode, or --traced and frozen."""

import itertools
import sys
import time

import torch

from serve import serve


def serve_rows(model, rows):
    model = model.eval()
    if "--traced" in sys.argv:
        model = torch.jit.freeze(torch.jit.trace(model, rows[0]))

    @torch.inference_mode()
    def check(steps):
        return [number for row in rows[:steps] for number in model(row).flatten().tolist()]

    @torch.inference_mode()
    def run(units, _limit):
        start = time.perf_counter()
        # Every call has another input; the result lies in memory when the call returns, and reading it is not charged.
        for row in itertools.islice(itertools.cycle(rows), units):
            model(row)
        return time.perf_counter() - start

    serve({"torch": torch.__version__}, check, run)
