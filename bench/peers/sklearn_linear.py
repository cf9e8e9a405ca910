"""scikit-learn's SGDRegressor at the job's constant rate, without penalty: epochs of single-sample updates in one call."""

import time

import numpy as np
import sklearn
from sklearn.linear_model import SGDRegressor

from serve import job, read, serve

rows = job["rows"]
inputs = read(job["inputs"], np.float32).reshape(rows, -1).astype(np.float64)
labels = read(job["labels"], np.float32).astype(np.float64)


def run(units, limit):
    # Its loss is half the squared error, so twice the rate makes the same step.
    model = SGDRegressor(
        penalty=None, learning_rate="constant", eta0=2 * job["learningRate"], max_iter=units, tol=None
    )
    if job["batch"] != 1:
        model.set_params(eta0=1e-3)  # a full batch's rate would make single samples diverge
    start = time.perf_counter()
    model.fit(inputs, labels)
    return time.perf_counter() - start


serve({"scikit-learn": sklearn.__version__}, lambda steps: [], run)
