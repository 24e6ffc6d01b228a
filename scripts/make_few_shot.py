"""Few-shot fits by scikit-learn: test/fixtures/probe/few-shot.json.

MinMax scaling on the few rows, multinomial logistic regression for 30 values of C that scipy draws, the C with the fewest
validation errors. Independent of the TypeScript: it reads assets/digits.csv.gz, and makes the other problem by the recipe of
test/unit/decompose/problems.ts. Needs scikit-learn >= 1.6, whose newton-cholesky reaches the optimum.
Run: python scripts/make_few_shot.py
"""
import json
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler

root = pathlib.Path(__file__).parent.parent
warnings.simplefilter("error")


def fmix(h):
    h = (h ^ (h >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ (h >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ (h >> 16)


def norm12(seed, stream, i):
    key = fmix(fmix(seed + 0x9E3779B9 & 0xFFFFFFFF) ^ (stream * 0x85EBCA6B & 0xFFFFFFFF))
    at = 12 * i[..., None] + np.arange(12)
    spread = fmix((key + (at.astype(np.uint64) * 0x9E3779B9 & 0xFFFFFFFF)) & 0xFFFFFFFF)
    return (spread / 2**32).sum(-1) - 6


def generated(seed, n, d, K, sep):
    y = np.arange(n) % K
    rows, columns = np.arange(n)[:, None], np.arange(d)[None]
    x = sep * norm12(seed, 2, y[:, None] * d + columns) + norm12(seed, 3, rows * d + columns)
    return x.astype(np.float32).astype(np.float64), y


def digits():
    table = np.loadtxt(root / "assets/digits.csv.gz", delimiter=",")
    return table[:, :64], table[:, 64].astype(int)


def fit(x, y, C):
    model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, max_iter=200).fit(x, y)
    scores = model.decision_function(x)
    residual = np.exp(log_softmax(scores, 1)) - np.eye(scores.shape[1])[y]
    gradient = C * residual.T @ x + model.coef_
    assert np.linalg.norm(gradient) < 1e-9 * np.linalg.norm(model.coef_), "not at the optimum"
    objective = -C * log_softmax(scores, 1)[np.arange(len(y)), y].sum() + 0.5 * (model.coef_**2).sum()
    return model, objective


def case(name, x, y, k, draw):
    test = np.arange(len(y)) % 7 == 3
    by_class = [draw.permutation(np.flatnonzero((y == c) & ~test)) for c in range(y.max() + 1)]
    train = np.sort(np.concatenate([rows[:k] for rows in by_class]))
    val = np.sort(np.concatenate([rows[k : k + 6] for rows in by_class]))
    scaler = MinMaxScaler().fit(x[train])
    C_list = scipy.stats.loguniform(1e-6, 100).rvs(30, random_state=draw.integers(1000)).tolist()
    candidates = []
    for C in C_list:
        model, objective = fit(scaler.transform(x[train]), y[train], C)
        errors, log_loss, near = {}, {}, {}
        for part, rows in {"val": val, "test": np.flatnonzero(test)}.items():
            scores = model.decision_function(scaler.transform(x[rows]))
            first, second = np.sort(scores, 1)[:, -1], np.sort(scores, 1)[:, -2]
            # Rows so near to the border that rounding decides.
            near[part] = int((first - second < 1e-7 * np.linalg.norm(model.coef_)).sum())
            errors[part] = int((scores.argmax(1) != y[rows]).sum())
            log_loss[part] = -log_softmax(scores, 1)[np.arange(len(rows)), y[rows]].mean()
        candidates.append({"val_errors": errors["val"], "test_errors": errors["test"],
                           "val_near": near["val"], "test_near": near["test"],
                           "test_log_loss": log_loss["test"], "objective": objective})
    best = min(range(30), key=lambda i: candidates[i]["val_errors"])
    return {"problem": name, "k": k, "train_indices": train.tolist(), "val_indices": val.tolist(), "C_list": C_list,
            "candidates": candidates, "best_index": best, "best_C": C_list[best],
            "test_errors": candidates[best]["test_errors"]}


params = {"seed": 301, "n": 350, "d": 90, "K": 5, "sep": 0.25}
draw = np.random.default_rng(0)
cases = [case("digits", *digits(), k, draw) for k in (1, 5)] + [case("wide", *generated(**params), k, draw) for k in (3, 8)]
out = {"made_with": f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}",
       "problems": {"digits": {"params": None}, "wide": {"params": params}}, "few_shot": cases}
path = root / "test/fixtures/probe/few-shot.json"
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
print(path, path.stat().st_size, [(c["problem"], c["k"], c["best_index"], c["test_errors"], [o["val_near"] + o["test_near"] for o in c["candidates"]]) for c in cases])
