"""Prints the polynomial coefficients of native/vmath.h: relative minimax fits (Remez exchange), each coefficient rounded to f32
(or f64) in turn, low order first, with the rest fitted again. Needs mpmath and numpy. Run: python3 coefficients.py"""
import math
import struct

import numpy as np
from mpmath import erf, exp, log, mp, mpf, pi, sin, cos, sqrt, tanh, atanh, matrix, lu_solve, linspace

mp.dps = 60


def f32(x):
    return mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def f64(x):
    return mpf(float(x))


def remez(target, weight, lo, hi, powers):
    """Minimises max |weight * (target - sum c_i x^p_i)| over [lo, hi]."""
    n = len(powers)
    nodes = [(lo + hi) / 2 - (hi - lo) / 2 * cos(pi * i / n) for i in range(n + 1)]
    grid = linspace(lo, hi, 1500)
    for _ in range(12):
        a, b = matrix(n + 1, n + 1), matrix(n + 1, 1)
        for i, x in enumerate(nodes):
            for j, p in enumerate(powers):
                a[i, j] = x**p
            a[i, n] = (-1) ** i / weight(x)
            b[i] = target(x)
        c = lu_solve(a, b)
        err = [weight(x) * (target(x) - sum(c[j] * x**p for j, p in enumerate(powers))) for x in grid]
        picks, start = [], 0
        for i in range(1, len(grid) + 1):
            if i == len(grid) or (err[i] > 0) != (err[start] > 0):
                best = max(range(start, i), key=lambda t: abs(err[t]))
                picks.append(best)
                start = i
        while len(picks) > n + 1:
            picks.pop(0 if abs(err[picks[0]]) < abs(err[picks[-1]]) else -1)
        if len(picks) < n + 1:
            break
        nodes = [grid[i] for i in picks]
    return list(c)[:n], max(abs(e) for e in err)


def fit(name, target, weight, lo, hi, degree, rounder=f32):
    fixed, powers = [], list(range(degree + 1))
    lo, hi = mpf(lo), mpf(hi)
    while powers:
        done = len(fixed)
        rest = lambda x: target(x) - sum(c * x**i for i, c in enumerate(fixed))
        c, _ = remez(rest, weight, lo, hi, powers)
        fixed.append(rounder(c[0]))
        powers = powers[1:]
    err = max(abs(weight(x) * (target(x) - sum(c * x**i for i, c in enumerate(fixed)))) for x in linspace(lo, hi, 3000))
    print(f"{name}: error {float(err):.2e} = 2^{float(log(err, 2)):.1f}")
    for i, c in enumerate(fixed):
        print(f"  c{i} = {float(c).hex()}" + ("f" if rounder is f32 else ""))


def fit_shifted(name, target, weight, lo, hi, shift, degree):
    """As fit, in x - shift with shift inside [lo, hi], where exchange fails; Lawson's reweighted least squares, in f64."""
    x = (lo + hi) / 2 + (hi - lo) / 2 * np.cos(np.pi * (np.arange(600) + 0.5) / 600)
    y, w = np.vectorize(target)(x), np.vectorize(weight)(x)
    powers = (x - shift)[:, None] ** np.arange(degree + 1)
    scale = np.abs(powers).max(0)
    fixed = np.zeros(0)
    while len(fixed) <= degree:
        done = len(fixed)
        rest, basis, measure = y - powers[:, :done] @ fixed, powers[:, done:] / scale[done:], np.full(len(x), 1 / len(x))
        best = (math.inf, None)
        for _ in range(300):
            s = np.sqrt(measure) * w
            c = np.linalg.lstsq(basis * s[:, None], rest * s, rcond=None)[0]
            err = np.abs((basis @ c - rest) * w)
            if err.max() < best[0]:
                best = (err.max(), c[0] / scale[done])
            measure *= err
            measure /= measure.sum()
        fixed = np.append(fixed, float(np.float32(best[1])))
    err = np.abs((powers @ fixed - y) * w).max()
    print(f"{name}: error {err:.2e} = 2^{math.log2(err):.1f}")
    for i, c in enumerate(fixed):
        print(f"  c{i} = {float(c).hex()}f")


e = mpf("1e-9")
half = log(2) / 2 * mpf("1.001")
fit("exp: (e^r - 1 - r) / r^2", lambda r: (exp(r) - 1 - r) / r**2 if abs(r) > e else mpf(1) / 2 + r / 6, lambda r: r**2 / exp(r) + mpf("1e-12"), -half, half, 4)
fit("log: (log(1+f) - f + f^2/2) / f^3", lambda f: (log(1 + f) - f + f * f / 2) / f**3 if abs(f) > e else mpf(1) / 3 - f / 4, lambda f: abs(f**3 / log(1 + f)) + mpf("1e-12") if abs(f) > e else mpf("1e-12"), mpf(-1) / 3, mpf(1) / 3, 8)
fit("tanh: (tanh(x) - x) / x^3 in x^2", lambda t: (tanh(sqrt(t)) - sqrt(t)) / sqrt(t) ** 3 if t > e else -mpf(1) / 3 + t * 2 / 15, lambda t: sqrt(t) ** 3 / tanh(sqrt(t)) + mpf("1e-12") if t > e else mpf("1e-12"), 0, mpf("0.7") ** 2, 5)
fit("tanh, beyond: 2^f", lambda f: mpf(2) ** f, lambda f: mpf(2) ** -f, mpf("-0.5001"), mpf("0.5001"), 6)
fit("erf: erf(x) / x - 1 in x^2", lambda t: erf(sqrt(t)) / sqrt(t) - 1 if t > e else 2 / sqrt(pi) * (1 - t / 3) - 1, lambda t: sqrt(t) / erf(sqrt(t)) if t > e else sqrt(pi) / 2, 0, mpf(1), 6)
fit_shifted("erf tail: sqrt(erfc(x)) in x - 1.75", lambda x: math.sqrt(math.erfc(x)), lambda x: 2 * math.sqrt(math.erfc(x)), 1, 3.96, 1.75, 10)
q = (pi / 4 * mpf("1.0001")) ** 2
fit("sin: (sin r - r) / r^3 in r^2", lambda t: (sin(sqrt(t)) - sqrt(t)) / sqrt(t) ** 3 if t > e else -mpf(1) / 6 + t / 120, lambda t: sqrt(t) ** 3 / sin(sqrt(t)) + mpf("1e-12") if t > e else mpf("1e-12"), 0, q, 3)
fit("cos: (cos r - 1 + r^2/2) / r^4 in r^2", lambda t: (cos(sqrt(t)) - 1 + t / 2) / t**2 if t > mpf("1e-6") else mpf(1) / 24 - t / 720, lambda t: t**2 + mpf("1e-12"), 0, q, 2)
s = ((sqrt(2) - 1) / (sqrt(2) + 1) * mpf("1.0001")) ** 2
fit("log2: log2((1+s)/(1-s)) / s in s^2", lambda t: 2 * atanh(sqrt(t)) / sqrt(t) / log(2) if t > e else 2 / log(2) * (1 + t / 3), lambda t: mpf(1), 0, s, 4, f64)
fit("exp2: 2^f", lambda f: mpf(2) ** f, lambda f: mpf(2) ** -f, mpf("-0.5001"), mpf("0.5001"), 7, f64)

mp.dps = 100
bits = int(2 / pi * mpf(2) ** 256)
print("2/pi:", ", ".join(f"0x{bits >> (256 - 32 * (i + 1)) & 0xFFFFFFFF:08x}" for i in range(8)))
p1 = mpf(int(pi / 2 * mpf(2) ** 32)) / mpf(2) ** 32
print("pi/2 head (33 bits):", float(p1).hex(), "rest:", float(pi / 2 - p1).hex(), "2/pi:", float(2 / pi).hex())
l1 = mpf(int(log(2) * mpf(2) ** 15)) / mpf(2) ** 15
print("ln 2 head:", float(l1).hex(), "rest:", float(f32(log(2) - l1)).hex(), "log2(e):", float(f32(1 / log(2))).hex())
