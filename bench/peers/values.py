"""Arrays that every contestant makes for itself, bit for bit (the twin of values.mjs), and the clock."""

import time

import numpy as np


def values(count, seed, low=0.0, high=1.0):
    first = np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
    h = np.arange(count, dtype=np.uint32) + first
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return (low + (high - low) * (h / 2.0**32)).astype(np.float32)


def digest(result):
    flat = np.asarray(result).reshape(-1)
    last = flat.size - 1
    return [flat[int(part * last)] for part in (0, 0.25, 0.5, 0.75, 1)] + [flat.sum(dtype=np.float64)]


def timed(run):
    """The same work, giving the seconds it took."""

    def clocked(units, _limit):
        start = time.perf_counter()
        run(units)
        return time.perf_counter() - start

    return clocked
