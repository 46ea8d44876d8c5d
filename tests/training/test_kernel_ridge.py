"""Kernel ridge against scikit-learn, and its leave-one-out against leaving one out."""

import numpy as np
from sklearn.kernel_ridge import KernelRidge as Reference

from umbel.training.solvers.kernel_ridge import fit_kernel_ridge


def test_equals_scikit_learn_and_leaving_one_out() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    Y = np.c_[np.sin(X[:, 0]), X[:, 1] ** 2] + 0.1 * rng.normal(size=(30, 2))
    fit = fit_kernel_ridge(X, Y)
    ref = Reference(alpha=fit.strength, kernel="rbf", gamma=fit.gamma).fit(X, Y - fit.mean)
    new = rng.normal(size=(7, 3))
    np.testing.assert_allclose(fit.predict(new), ref.predict(new) + fit.mean, atol=1e-8)
    for row in (0, 17):
        rest = np.arange(30) != row
        ref.fit(X[rest], Y[rest] - fit.mean)
        np.testing.assert_allclose(fit.held[row], ref.predict(X[[row]])[0] + fit.mean, atol=1e-8)


def test_the_least_leave_one_out_error_is_chosen() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(25, 2))
    Y = rng.normal(size=(25, 1))
    best = fit_kernel_ridge(X, Y)
    error = ((Y - best.held) ** 2).sum()
    for width in (0.25, 2.0):
        for strength in (0.01, 1.0, 30.0):
            one = fit_kernel_ridge(X, Y, widths=[width], strengths=[strength])
            assert ((Y - one.held) ** 2).sum() >= error - 1e-9
