"""Writes metrics.json: scikit-learn's metrics in f64.

The calibration error, which scikit-learn lacks, is computed here from its definition.
Run by hand (needs scikit-learn): python test/metrics/goldens/generate.py
"""
import json
import os

import numpy as np
import sklearn
import sklearn.metrics as m

rng = np.random.default_rng(5)


def exact(*shape, scale=1.0):
    return np.round(rng.normal(size=shape) * scale * 16) / 16


rows, classes = 203, 5
labels = rng.integers(0, 4, rows)  # class 4 is only ever predicted
logits = exact(rows, classes, scale=1.5)
logits[np.arange(rows), labels] += rng.choice([0, 1, 2], rows)
yes = (rng.random(rows) < 0.3).astype(int)
scores = exact(rows, scale=2.0) + yes  # on a grid of 1/16: many ties
p = np.exp(logits - logits.max(1, keepdims=True))
p /= p.sum(1, keepdims=True)
q = 1 / (1 + np.exp(-scores))
guess = logits.argmax(1)


def ece(confidence, right, bins=15):
    which = np.ceil(confidence * bins) - 1
    return sum(abs(right[which == b].mean() - confidence[which == b].mean()) * (which == b).mean() for b in range(bins) if (which == b).any())


results = {
    "accuracy": m.accuracy_score(labels, guess),
    # Of equal logits the first counts as larger.
    "top2": m.top_k_accuracy_score(labels, logits - np.arange(classes) / 128, k=2, labels=range(classes)),
    "logLoss": m.log_loss(labels, p, labels=range(classes)),
    "perplexity": float(np.exp(m.log_loss(labels, p, labels=range(classes)))),
    "logLoss binary": m.log_loss(yes, q),
    "calibrationError": ece(p.max(1), guess == labels),
    "calibrationError 4 bins": ece(p.max(1), guess == labels, 4),
    "calibrationError binary": ece(np.maximum(q, 1 - q), (scores > 0) == yes),
    "rocAuc": m.roc_auc_score(yes, scores),
    "prAuc": m.average_precision_score(yes, scores),
    "rocAuc macro": float(np.mean([m.roc_auc_score(labels == c, p[:, c]) for c in range(4)])),
    "prAuc macro": float(np.mean([m.average_precision_score(labels == c, p[:, c]) for c in range(4)])),
    "rocAuc ovr": m.roc_auc_score(labels, p[:, :4] / p[:, :4].sum(1, keepdims=True), multi_class="ovr"),
}
for kind, score in {"precision": m.precision_score, "recall": m.recall_score, "f1": m.f1_score}.items():
    for average in ("macro", "micro", "weighted"):
        results[f"{kind} {average}"] = score(labels, guess, average=average, zero_division=0)
    results[f"{kind} 2"] = score(labels, guess, average=None, zero_division=0)[2]
    results[f"{kind} 4"] = score(labels, guess, average=None, zero_division=0, labels=range(classes))[4]
    results[kind] = score(yes, scores > 0)
precision, recall, f1, support = m.precision_recall_fscore_support(labels, guess, labels=range(classes), zero_division=0)

target = np.round(2000 + rng.normal(size=(rows, 3)) * [1, 10, 0.5], 2).astype(np.float32).astype(float)
prediction = np.round(target + rng.normal(size=(rows, 3)) * [0.5, 4, 0.5], 2).astype(np.float32).astype(float)
results["mse"] = m.mean_squared_error(target, prediction)
results["mae"] = m.mean_absolute_error(target, prediction)
results["rmse"] = float(np.sqrt(m.mean_squared_error(target, prediction)))
results["r2"] = m.r2_score(target[:, 0], prediction[:, 0])
results["r2 outputs"] = m.r2_score(target, prediction)

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json")
with open(out, "w") as file:
    json.dump(
        {
            "source": f"scikit-learn {sklearn.__version__}",
            "labels": labels.tolist(),
            "logits": logits.tolist(),
            "yes": yes.tolist(),
            "scores": scores.tolist(),
            "target": target.tolist(),
            "prediction": prediction.tolist(),
            "results": {k: float("%.12g" % v) for k, v in results.items()},
            "confusion": m.confusion_matrix(labels, guess, labels=range(classes)).tolist(),
            "perClass": {"precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(), "support": support.tolist()},
        },
        file,
        separators=(",", ":"),
    )
print(out, os.path.getsize(out), "bytes")
