"""Writes tables.json: permutation importance, calibration and metrics by group from scikit-learn, the best temperature from SciPy.

Run by hand (needs scikit-learn, scipy, numpy): python test/trust/goldens/tables.py
"""
import json
import os
import warnings

import numpy as np
import sklearn
import sklearn.metrics as m
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.calibration import calibration_curve
from sklearn.inspection import permutation_importance

rng = np.random.default_rng(8)
warnings.simplefilter("ignore")


def rounded(*shape, scale=1.0):
    return np.round(rng.normal(size=shape) * scale * 64) / 64  # exact in f32


# Permutation importance of fixed linear models on 120 rows of 4 features, two of them alike.
rows = 120
x = rounded(rows, 4)
x[:, 3] = x[:, 0] + np.round(rng.normal(size=rows) * 0.1 * 64) / 64
slopes = np.array([2.0, -1.0, 0.0, 0.5])
target = x @ slopes + rounded(rows, scale=0.5)
classes = (target > 0).astype(int)


class Regressor(RegressorMixin, BaseEstimator):
    def fit(self, x, y):
        self.fitted_ = True
        return self

    def predict(self, x):
        return x @ slopes


class Classifier(ClassifierMixin, BaseEstimator):
    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, x):
        return (x @ slopes > 0).astype(int)


def importance(model, y, scoring, repeats=2000):
    found = permutation_importance(model.fit(x, y), x, y, scoring=scoring, n_repeats=repeats, random_state=1)
    return {"mean": found.importances_mean.tolist(), "std": found.importances_std.tolist(), "repeats": repeats}


# Calibration: a binary classifier that is too sure, and one of four classes.
n = 400
truth = rounded(n, scale=1.5)
yes = (rng.random(n) < expit(truth)).astype(int)
scores = np.round(truth * 2.5 * 64) / 64
labels = rng.integers(0, 4, n)
logits = rounded(n, 4, scale=2.0)
logits[np.arange(n), labels] += 1.5
p, q = expit(scores), softmax(logits, axis=1)


def curve(y, p, bins, strategy):
    actual, predicted = calibration_curve(y, p, n_bins=bins, strategy=strategy)
    return {"actual": actual.tolist(), "predicted": predicted.tolist(), "bins": bins, "strategy": strategy}


def best_temperature(nll):
    found = minimize_scalar(lambda t: nll(np.exp(t)), bounds=(-3, 3), method="bounded", options={"xatol": 1e-12})
    return float(np.exp(found.x)), float(nll(1.0)), float(found.fun)


confidence, right = q.max(1), q.argmax(1) == labels
calibration = {
    "scores": scores.tolist(),
    "yes": yes.tolist(),
    "logits": logits.tolist(),
    "labels": labels.tolist(),
    "binary": [curve(yes, p, 10, "uniform"), curve(yes, p, 7, "quantile")],
    "classes": [curve(right, confidence, 15, "uniform"), curve(right, confidence, 5, "quantile")],
    "brier": float(m.brier_score_loss(yes, p)),
    "brierClasses": float(m.brier_score_loss(labels, q, labels=range(4))),
    "temperatureBinary": best_temperature(lambda t: m.log_loss(yes, expit(scores / t))),
    "temperature": best_temperature(lambda t: -log_softmax(logits / t, axis=1)[np.arange(n), labels].mean()),
}

# Groups of unequal size; "c" has no row of class 1.
groups = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
fair = yes.copy()
fair[groups == "c"] = 0
guess = (scores > 0).astype(int)
own = {}
for g in "abc":
    at = groups == g
    tn, fp, fn, tp = m.confusion_matrix(fair[at], guess[at], labels=[0, 1]).ravel()
    own[g] = {
        "rows": int(at.sum()),
        "accuracy": m.accuracy_score(fair[at], guess[at]),
        "logLoss": m.log_loss(fair[at], p[at], labels=[0, 1]),
        "selectionRate": float(guess[at].mean()),
        "truePositiveRate": float(tp / (tp + fn)) if tp + fn else None,
        "falsePositiveRate": float(fp / (fp + tn)) if fp + tn else None,
    }
several = {
    g: {
        "accuracy": m.accuracy_score(labels[groups == g], logits[groups == g].argmax(1)),
        "recall 2": m.recall_score(labels[groups == g] == 2, logits[groups == g].argmax(1) == 2),
    }
    for g in "abc"
}

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tables.json")
with open(out, "w") as file:
    json.dump(
        {
            "source": f"scikit-learn {sklearn.__version__}",
            "importance": {
                "x": x.tolist(),
                "slopes": slopes.tolist(),
                "target": target.tolist(),
                "classes": classes.tolist(),
                "mse": importance(Regressor(), target, "neg_mean_squared_error"),
                "r2": importance(Regressor(), target, "r2"),
                "accuracy": importance(Classifier(), classes, "accuracy"),
            },
            "calibration": calibration,
            "groups": {"group": groups.tolist(), "yes": fair.tolist(), "own": own, "several": several},
        },
        file,
        separators=(",", ":"),
    )
    file.write("\n")
