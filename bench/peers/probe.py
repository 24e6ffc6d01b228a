"""Multinomial logistic regression of scikit-learn; the objectives it reached are evaluated in float64."""

import sys

from serve import need, serve, stopwatch

np, scipy, sklearn, linear = need("numpy", "scipy.special", "sklearn", "sklearn.linear_model")
SOLVER, TOLERANCE, DTYPE = sys.argv[1], float(sys.argv[2]), np.dtype(sys.argv[3])


def evaluate(x, y, C, fit):
    w, b = fit.coef_.astype(np.float64), fit.intercept_.astype(np.float64)
    logits = x @ w.T + b
    norm = scipy.logsumexp(logits, axis=1)
    rows = np.arange(len(y))
    loss = float((norm - logits[rows, y]).sum())
    probability = np.exp(logits - norm[:, None])
    probability[rows, y] -= 1
    gradients = [C * probability.T @ x + w, C * probability.sum(axis=0)]
    return C * loss + 0.5 * float((w * w).sum()), max(float(np.abs(g).max()) for g in gradients)


def work(fits, C):
    """Each fit takes the rows of its file from `skip` on, for all C in ascending order, warm-started."""
    objectives, largest, total = [], 0, {"wall": 0, "cpu": 0}
    for problem in fits:
        n, skip = problem["n"], problem.get("skip", 0)
        x = np.fromfile(problem["path"] + ".x", "<f4").reshape(n, problem["d"])[skip:]
        y = np.fromfile(problem["path"] + ".y", "<i4")[skip:]
        given, exact = x.astype(DTYPE), x.astype(np.float64)
        model = linear.LogisticRegression(solver=SOLVER, tol=TOLERANCE, max_iter=100_000, warm_start=True)
        for value in C:
            stop = stopwatch()
            fit = model.set_params(C=value).fit(given, y)
            for key, time in stop().items():
                total[key] += time
            objective, gradient = evaluate(exact, y, value, fit)
            objectives.append(objective)
            largest = max(largest, gradient)
    return {**total, "objectives": objectives, "gradientNorm": largest}


serve(f"scikit-learn {sklearn.__version__}, numpy {np.__version__}", work)
