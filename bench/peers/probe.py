"""Multinomial logistic regression by L-BFGS; the objective it reached is evaluated in float64."""

import sys

from serve import need, serve, stopwatch

np, scipy, sklearn, linear = need("numpy", "scipy.special", "sklearn", "sklearn.linear_model")
TOLERANCE, DTYPE = float(sys.argv[1]), np.dtype(sys.argv[2])


def work(path, n, d, k, C):
    x = np.fromfile(path + ".x", "<f4").reshape(n, d)
    y = np.fromfile(path + ".y", "<i4")
    given = x.astype(DTYPE)
    stop = stopwatch()
    fit = linear.LogisticRegression(C=C, tol=TOLERANCE, max_iter=100_000).fit(given, y)
    time = stop()
    w, b = fit.coef_.astype(np.float64), fit.intercept_.astype(np.float64)
    logits = x.astype(np.float64) @ w.T + b
    losses = scipy.logsumexp(logits, axis=1) - logits[np.arange(n), y]
    probability = np.exp(logits - scipy.logsumexp(logits, axis=1)[:, None])
    probability[np.arange(n), y] -= 1
    gradients = [C * probability.T @ x + w, C * probability.sum(axis=0)]
    largest = max(float(np.abs(g).max()) for g in gradients)
    return {**time, "objective": C * float(losses.sum()) + 0.5 * float((w * w).sum()), "gradientNorm": largest}


serve(f"scikit-learn {sklearn.__version__}, numpy {np.__version__}", work)
