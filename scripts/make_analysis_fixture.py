"""Recomputes some quantities of the analysis with numpy, pandas and scipy: test/fixtures/analysis.json.

Independent of the TypeScript: it reads assets/results.csv alone. Run: python scripts/make_analysis_fixture.py
"""
import json
import pathlib

import numpy as np
import pandas as pd
from scipy import stats

root = pathlib.Path(__file__).parent.parent
table = pd.read_csv(root / "assets/results.csv")
table["model"] = table["name"].str.lower()
outcomes = {
    "approx": "approx", "usability": "usability", "probe_gen": "probe_gen", "enc_gen": "enc_gen",
    "agg_risk": "train_test", "shot3": "train-nperclass-3_test",
}


def correlation(a, b):
    pairs = pd.DataFrame({"a": a, "b": b}).dropna()
    kendall, spearman, pearson = stats.kendalltau(pairs.a, pairs.b), stats.spearmanr(pairs.a, pairs.b), stats.pearsonr(pairs.a, pairs.b)
    return {"n": len(pairs), "kendall": kendall[0], "kendall_p": kendall[1], "spearman": spearman[0],
            "spearman_p": spearman[1], "pearson": pearson[0], "pearson_p": pearson[1]}


def dummies(series):
    levels = sorted(series.dropna().astype(str).unique())
    return [(f"{series.name}[T.{level}]", (series.astype(str) == level).astype(float)) for level in levels[1:]]


def controlled(rows, outcome, controls, term):
    frame = rows[rows[outcome].notna()]
    columns = [("Intercept", pd.Series(1.0, frame.index))]
    for name in [*controls, term]:
        log = name.startswith("np.log(")
        series = frame[name[7:-1] if log else name]
        if log:
            columns.append((name, np.log(series.astype(float))))
        elif series.dtype == bool or not pd.api.types.is_numeric_dtype(series):
            columns += dummies(series)
        else:
            columns.append((name, series.astype(float)))
    design = pd.DataFrame(dict(columns)).dropna()
    y = frame.loc[design.index, outcome].to_numpy(float)
    x = design.to_numpy(float).copy()
    x /= (scale := np.sqrt((x**2).sum(0)))
    inverse = np.linalg.pinv(x, rcond=1e-9)
    rank = np.linalg.matrix_rank(x, tol=1e-9)
    beta = inverse @ y
    residual = y - x @ beta
    df = len(y) - rank
    se = np.sqrt(residual @ residual / df * (inverse @ inverse.T).diagonal())
    wanted = [i for i, name in enumerate(design) if name == term or name.startswith(term + "[")]
    return {"n": len(y), "rank": int(rank), "terms": {
        design.columns[i]: {"coef": beta[i] / scale[i], "t": beta[i] / se[i], "p": 2 * stats.t.sf(abs(beta[i] / se[i]), df)} for i in wanted}}


table["projection2_arch"] = table["projection2_arch"].fillna(table["projection1_arch"]).fillna("Na")
controls = ["pretraining_data", "ssl_mode", "np.log(epochs)", "np.log(batch_size)", "np.log(nviews)", "n_augmentations", "projection2_arch",
            "np.log(n_parameters)", "family", "np.log(z_dim)", "patch_size", "year", "is_industry", "is_official"]
distributions = {
    "student": [[t, df, 2 * stats.t.sf(t, df)] for t in [0, 0.3, 2, 9, 40] for df in [1, 3, 28, 121]],
    "fisher": [[f, a, b, stats.f.sf(f, a, b)] for f in [0.01, 1, 7, 90] for a, b in [(1, 121), (5, 121), (2, 9)]],
    "normal": [[z, 2 * stats.norm.sf(z)] for z in [0, 0.1, 1, 1.7, 1.8, 5, 17, 30]],
}
generator = np.random.default_rng(0)
tied = generator.integers(0, [[4], [6]], (2, 40))
tied[1] += tied[0]
kendall = stats.kendalltau(*tied, method="asymptotic")
fixture = {
    "ties": {"x": tied[0].tolist(), "y": tied[1].tolist(), "tau": kendall[0], "p": kendall[1]},
    "distributions": distributions,
    "correlations": {f"corr.{part}.full": correlation(table[part], table["train_test"]) for part in list(outcomes)[:4]},
    "effects": {
        **{f"gla.z_dim.{key}": controlled(table, column, [c for c in controls if c != "np.log(z_dim)"], "np.log(z_dim)") for key, column in outcomes.items()},
        **{f"gla.n_parameters.{key}": controlled(table, column, [c for c in controls if c != "np.log(n_parameters)"], "np.log(n_parameters)") for key, column in outcomes.items()},
        **{f"gla.family.{key}": controlled(table[table.family != "convnext"], column, [c for c in controls if c != "family"], "family") for key, column in outcomes.items()},
    },
    "quantiles": {column: table[column].quantile([0, 0.25, 0.5, 0.75, 1]).tolist() for column in outcomes.values()},
}
(root / "test/fixtures/analysis.json").write_text(json.dumps(fixture) + "\n")
