"""Densities of Optuna's multivariate Parzen estimator, and its split of trials: test/fixtures/probe/parzen.json.

Independent of the TypeScript. Needs Optuna 3.6, whose bandwidths are the ones that the paper's search had.
Run: python scripts/make_parzen.py
"""
import json
import pathlib

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import _split_complete_trials_single_objective, default_gamma, default_weights

path = pathlib.Path(__file__).parent.parent / "test/fixtures/probe/parzen.json"
rng = np.random.default_rng(0)
SPACE = {
    "lr": FloatDistribution(1e-3, 1, log=True),
    "depth": IntDistribution(2, 5),
    "share": FloatDistribution(-1, 2),
    "kind": CategoricalDistribution(["a", "b", "c"]),
}
PARAMETERS = _ParzenEstimatorParameters(True, 1.0, True, False, default_weights, True, {})


def draw(n):
    return {
        "lr": np.exp(rng.uniform(np.log(1e-3), 0, n)),
        "depth": rng.integers(2, 6, n).astype(float),
        "share": rng.uniform(-1, 2, n),
        "kind": rng.integers(0, 3, n).astype(float),
    }


def listed(points):
    names = list(points)
    rows = zip(*(points[name] for name in names), strict=True)
    cast = {"depth": int, "kind": lambda i: "abc"[int(i)]}
    return [{name: cast.get(name, float)(value) for name, value in zip(names, row, strict=True)} for row in rows]


densities = []
for names in (list(SPACE), ["share"]):
    # Up to 25 trials count in full, one more begins the ramp; past 98 the least bandwidth stands still.
    for n in (0, 1, 2, 7, 25, 26, 27, 60, 150):
        points, at = ({name: values[name] for name in names} for values in (draw(n), draw(5)))
        estimator = _ParzenEstimator(points, {name: SPACE[name] for name in names}, PARAMETERS)
        log = estimator.log_pdf(at)
        densities.append({"points": listed(points), "at": listed(at), "log": [float(value) for value in log]})

splits = []
study = optuna.create_study()
for n in (1, 5, 10, 11, 25, 120, 249, 251, 300):
    errors = rng.integers(0, max(2, n // 3), n)
    trials = [optuna.trial.create_trial(value=float(e)) for e in errors]
    for i, trial in enumerate(trials):
        trial.number = i
    below, _ = _split_complete_trials_single_objective(trials, study, default_gamma(n))
    splits.append({"errors": errors.tolist(), "good": sorted(trial.number for trial in below)})

out = {"source": f"optuna {optuna.__version__}", "densities": densities, "splits": splits}
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
