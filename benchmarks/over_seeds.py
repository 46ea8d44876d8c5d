"""The interval of a mean over a few seeds that covers both the test rows and the chance of training."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["over_seeds"]


def over_seeds(
    points: NDArray[np.float64], replicates: NDArray[np.float64], *, level: float = 0.95
) -> tuple[float, float, float]:
    """Mean of a number over seeds, and the ends of its interval.

    Two variances add up: that of the mean's bootstrap replicates (other test rows), and s**2 / S of the
    seeds' own values (other parameters, batches and splits). What test rows do to the values of several
    splits is in both, so the interval is rather too wide than too short. Student's t has the degrees of
    freedom of Welch and Satterthwaite, those of the replicates being many. Of one seed the interval is that
    of the replicates alone.

    :param points: one number per seed, [S].
    :param replicates: of the mean over the seeds, [R].

    Source: Satterthwaite 1946, "An approximate distribution of estimates of variance components".
    """
    from scipy.special import ndtri, stdtrit

    mean, tail = float(points.mean()), 0.5 + level / 2
    if len(points) == 1:
        low, high = np.quantile(replicates, [1 - tail, tail])
        return mean, float(low), float(high)
    rows = float(np.var(replicates, ddof=1))
    chance = float(np.var(points, ddof=1)) / len(points)
    if not chance:
        half = float(ndtri(tail)) * math.sqrt(rows)
    else:
        freedom = (rows + chance) ** 2 / (chance**2 / (len(points) - 1))
        half = float(stdtrit(freedom, tail)) * math.sqrt(rows + chance)
    return mean, mean - half, mean + half
