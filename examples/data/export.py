"""Writes iris.csv, wine.csv, diabetes.csv and breast-cancer.csv as scikit-learn ships them (BSD-3-Clause; see NOTICE).

Run by hand (needs scikit-learn): python examples/data/export.py
"""
import csv
import os

from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

HERE = os.path.dirname(os.path.abspath(__file__))
SETS = {"iris": load_iris, "wine": load_wine, "diabetes": load_diabetes, "breast-cancer": load_breast_cancer}
TARGETS = {"iris": "species", "wine": "cultivar", "diabetes": "progression", "breast-cancer": "diagnosis"}

for name, load in SETS.items():
    data = load(scaled=False) if name == "diabetes" else load()
    names = [str(one).replace(" (cm)", "").replace(" ", "_").replace("/", "_") for one in data.feature_names]
    words = getattr(data, "target_names", None)
    with open(os.path.join(HERE, f"{name}.csv"), "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow([*names, TARGETS[name]])
        for x, y in zip(data.data, data.target):
            rows.writerow([*(f"{value:.10g}" for value in x), f"{y:.10g}" if words is None else words[y]])
