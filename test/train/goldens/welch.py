"""Writes welch.json: SciPy's p of Welch's t-test for samples of unequal sizes and spreads.

Run by hand (needs scipy): python test/train/goldens/welch.py
"""
import json
import os

import numpy as np
from scipy import stats

rng = np.random.default_rng(11)
cases = []
for sizes in [(2, 2), (3, 3), (3, 5), (10, 4), (30, 40)]:
    for apart in [0, 0.5, 2, 20]:
        a = np.round(rng.normal(size=sizes[0]), 4)
        b = np.round(rng.normal(size=sizes[1]) * 3 + apart, 4)
        p = stats.ttest_ind(a, b, equal_var=False).pvalue
        cases.append(dict(a=a.tolist(), b=b.tolist(), p=float(p)))
with open(os.path.join(os.path.dirname(__file__), "welch.json"), "w") as file:
    json.dump(cases, file)
