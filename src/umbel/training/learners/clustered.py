"""Joint linear regression whose tasks fall into clusters, each with a Gaussian of weights of its own."""

from __future__ import annotations

from typing import Any, ClassVar, get_args

import numpy as np

from umbel.errors import ConfigError, near
from umbel.training.learner import LEARNERS
from umbel.training.learners.shared_linear import SharedLinear, Solved
from umbel.training.learners.stacks import Stack
from umbel.training.learners.task_covariance import stacked_names
from umbel.training.solvers.clustered import ClusterFit, Form, choose_clusters

__all__ = ["Clustered"]

_FORMS = get_args(Form)


@LEARNERS.register("clustered", source="Bakker & Heskes 2003, by EM (Dempster, Laird & Rubin 1977)")
class Clustered(SharedLinear):
    """w_p ~ N(m_k, S_k) in one of several clusters; their number by BIC, predictions with a spread.

    With one cluster it is the learner ``hierarchical``.

    :param form: what is learned of every S: ``full``, ``diagonal`` or ``isotropic``.
    :param most: most clusters to try; at most one for every two tasks.
    :param restarts: seeded beginnings for every number of clusters.
    :param pseudo: prior on every S, in tasks; None: as many as features, for ``full`` only.
    """

    name: ClassVar[str] = "clustered"
    responses: ClassVar[tuple[str, ...]] = ("gaussian",)

    def __init__(
        self, *, form: Form = "diagonal", most: int = 4, restarts: int = 8, pseudo: float | None = None
    ) -> None:
        super().__init__()
        if form not in _FORMS:
            raise ConfigError("the form of S must be known", found=f"'{form}'", remedy=near(form, _FORMS))
        for option, value in (("most", most), ("restarts", restarts)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(
                    f"{option} must be a whole number of at least 1",
                    found=f"{value!r}",
                    remedy="leave the option out for its default",
                )
        if pseudo is not None and not 0 <= pseudo < np.inf:
            raise ConfigError(
                "pseudo must be at least 0", found=f"{pseudo!r}", remedy="it counts tasks; 0 is no prior"
            )
        self.form, self.most, self.restarts, self.pseudo = form, most, restarts, pseudo

    def _solve(self, stack: Stack, response: str) -> tuple[Solved, dict[str, Any]]:
        X = stack.with_constant(1.0)
        pseudo = self.pseudo
        if pseudo is None:
            pseudo = float(X.shape[1]) if self.form == "full" else 0.0
        fit, table = choose_clusters(
            X,
            stack.y,
            stack.task,
            stack.count,
            weights=stack.weights,
            most=self.most,
            form=self.form,
            pseudo=pseudo,
            restarts=self.restarts,
        )
        tasks, covariances = fit.tasks()
        common, unseen = fit.unseen()
        note = {
            "form": self.form,
            "clusters": len(fit.shares),
            "shares": fit.shares.tolist(),
            "belongs": _belongs(fit, stacked_names(self.tasks)),
            "bic": {str(number): value for number, value in table.items()},
            "evidence": fit.evidence[-1],
            "steps": len(fit.evidence),
            "noise": fit.noise,
            "chosen_on": "BIC of training",
        }
        spread = np.concatenate([covariances, unseen[None]])
        return Solved(common, tasks, 1.0, float(np.sqrt(fit.noise)), spread), note


def _belongs(fit: ClusterFit, names: list[str]) -> dict[str, Any]:
    """Each task's likeliest cluster (0 is the largest) and how sure that is."""
    return {
        name: {"cluster": int(np.argmax(chance)), "chance": round(float(chance.max()), 4)}
        for name, chance in zip(names, fit.belongs, strict=True)
    }
