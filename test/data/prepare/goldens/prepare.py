"""Writes prepare.json: what scikit-learn's transformers make of a few columns, in float64, fitted on the first rows and applied to all.

Run by hand (needs scikit-learn): python test/data/prepare/goldens/prepare.py
"""
import json
import os
import warnings

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils import murmurhash3_32

warnings.simplefilter("error")
rng = np.random.default_rng(3)
TRAIN = 30
numbers = np.concatenate([np.round(rng.lognormal(1, 1, 40) - 2, 4)])
holes = numbers.copy()
holes[[2, 7, 11, 35]] = np.nan
repeated = rng.integers(0, 5, 40).astype(float)
repeated[[1, 4, 38]] = np.nan
words = np.array([["red", "green", "blue"][i] for i in rng.integers(0, 3, 40)], dtype=object)
words[35] = "violet"
texts = ["The quick brown fox", "a fox, a FOX and naïve Ærø_9!", "", "x yz yz yz"]


def numeric(transformer, column):
    column = column[:, None]
    return [None if np.isnan(x) else x for x in transformer.fit(column[:TRAIN]).transform(column)[:, 0].tolist()]


def bins(strategy):
    extra = {"quantile_method": "linear"} if strategy == "quantile" else {}
    made = KBinsDiscretizer(n_bins=4, encode="ordinal", strategy=strategy, subsample=None, **extra)
    return made.fit(numbers[:TRAIN, None]).transform(numbers[:, None])[:, 0].tolist()


power = PowerTransformer(standardize=False).fit(numbers[:TRAIN, None])
onehot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(words[:TRAIN, None])
ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(words[:TRAIN, None])
vectorizer = HashingVectorizer(n_features=16, norm=None, alternate_sign=False)
clean = lambda column: [None if np.isnan(x) else x for x in column.tolist()]
golden = {
    "train": TRAIN,
    "numbers": numbers.tolist(),
    "holes": clean(holes),
    "repeated": clean(repeated),
    "words": words.tolist(),
    "texts": texts,
    "standardScale": numeric(StandardScaler(), numbers),
    "standardScaleHoles": numeric(StandardScaler(), holes),
    "minMaxScale": numeric(MinMaxScaler(feature_range=(-1, 2)), numbers),
    "robustScale": numeric(RobustScaler(), holes),
    "powerTransform": numeric(PowerTransformer(), numbers),
    "lambda": power.lambdas_[0],
    "mean": numeric(SimpleImputer(strategy="mean"), holes),
    "median": numeric(SimpleImputer(strategy="median"), holes),
    "mostFrequent": numeric(SimpleImputer(strategy="most_frequent"), repeated),
    "constant": numeric(SimpleImputer(strategy="constant", fill_value=-7.5), holes),
    "uniform": bins("uniform"),
    "quantile": bins("quantile"),
    "categories": onehot.categories_[0].tolist(),
    "oneHot": onehot.transform(words[:, None]).tolist(),
    "ordinal": ordinal.transform(words[:, None])[:, 0].tolist(),
    "bagOfWords": vectorizer.transform(texts).toarray().tolist(),
    "murmur": [[text, murmurhash3_32(text, seed=0)] for text in ["", "a", "ab", "abc", "abcd", "naïve", "fünf Ünïcødé", "0123456789"]],
}
with open(os.path.join(os.path.dirname(__file__), "prepare.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
