"""Writes peers.json: what scikit-learn's default networks and linear models reach on the example tables, on the rows of splits.json.

Run by hand (needs scikit-learn): npx tsx test/train/tabular/goldens/splits.ts && python test/train/tabular/goldens/peers.py
Inputs are standardised. Networks: MLPClassifier and MLPRegressor as they are, the mean of 5 seeds on each of 5 splits; fitted on the
training rows, and ("all") on training and validation rows. Regression targets are standardised too, as nabla does, which helps
MLPRegressor. Linear models (Ridge, LogisticRegression) are fitted on the training rows; "guess" is the mean or the majority.
"""
import csv
import json
import os
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")  # that 200 iterations are few is the default's affair
HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "splits.json")) as file:
    splits = json.load(file)
peers = {}
for name, parts in splits.items():
    with open(os.path.join(HERE, "../../../../examples/data", f"{name}.csv")) as file:
        rows = list(csv.reader(file))[1:]
    x = np.array([[float(v) for v in row[:-1]] for row in rows])
    y = np.array([row[-1] for row in rows])
    isNumber = name == "diabetes"
    if isNumber:
        y = y.astype(float)
    score = r2_score if isNumber else accuracy_score
    networks, withAll, linears = [], [], []
    for part in parts:
        for used, scores in (("train", networks), ("all", withAll)):
            fit = part["train"] + (part["validation"] if used == "all" else [])
            scaler = StandardScaler().fit(x[fit])
            target = (y - y[fit].mean()) / y[fit].std() if isNumber else y
            a, b = scaler.transform(x[fit]), scaler.transform(x[part["test"]])
            make = MLPRegressor if isNumber else MLPClassifier
            runs = [score(target[part["test"]], make(random_state=seed).fit(a, target[fit]).predict(b)) for seed in range(5)]
            scores.append(float(np.mean(runs)))
            if used == "train":
                linear = Ridge(alpha=1.0) if isNumber else LogisticRegression(C=1.0, tol=1e-8, max_iter=10000)
                linears.append(float(score(target[part["test"]], linear.fit(a, target[fit]).predict(b))))
    peers[name] = {"network": networks, "networkAll": withAll, "linear": linears}
    print(name, {key: round(float(np.mean(value)), 4) for key, value in peers[name].items()})
with open(os.path.join(HERE, "peers.json"), "w") as file:
    json.dump(peers, file, indent=1)
    file.write("\n")
