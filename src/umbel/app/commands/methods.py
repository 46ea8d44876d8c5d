"""``umbel methods``: what there is, each with its paper."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer

from umbel.app import options

__all__ = ["METHODS", "methods"]

METHODS = {
    "kind": "umbel.tasks.kind:KINDS",
    "learner": "umbel.training.learner:LEARNERS",
    "encoder": "umbel.encoders.encoder:ENCODERS",
    "fusion": "umbel.encoders.fusion:FUSIONS",
    "sharing": "umbel.sharing.sharing:SHARINGS",
    "blocks": "umbel.sharing.trunk:TRUNKS",
    "balancer": "umbel.balancing.balancer:BALANCERS",
    "prior": "umbel.training.prior:PRIORS",
    "metric": "umbel.judging.metrics:METRICS",
    "tracer": "umbel.families.tracing.model.tracer:TRACERS",
}
"""Where the registries are, by what is registered in them."""


def methods(
    what: Annotated[str | None, typer.Argument(help="One of: " + ", ".join(METHODS) + ".")] = None,
    as_json: options.AsJson = False,
) -> None:
    """List what there is (kinds, learners, encoders, balancers, metrics), each with its source."""
    from umbel.app.console import print_json, print_table
    from umbel.errors import ConfigError, near

    if what is not None and what not in METHODS:
        raise ConfigError("methods are listed by their sort", found=f"'{what}'", remedy=near(what, METHODS))
    rows = []
    for sort in METHODS if what is None else [what]:
        module, name = METHODS[sort].split(":")
        for entry in getattr(importlib.import_module(module), name):
            row = {"sort": sort, "name": entry.name, "what": entry.summary, "source": entry.source}
            rows.append({**row, **(_needs(entry.item) if sort == "balancer" else {})})
    if as_json:
        print_json(rows)
    elif what == "balancer":
        columns = ["name", "what", "source", "needs", "gradients", "cost"]
        print_table(columns, [[str(row[column]) for column in columns] for row in rows])
    else:
        columns = ["sort", "name", "what", "source"]
        print_table(columns, [[str(row[column]) for column in columns] for row in rows])


def _needs(form: Any) -> dict[str, str]:
    """What a balancer looks at, where gradients may be taken for it, and what it adds to a plain step."""
    taken = form.needs - {"losses", "after", "epoch"}
    return {
        "needs": ", ".join(sorted(form.needs)) or "nothing",
        "gradients": ", ".join(sorted(form.places)) if taken else "",
        "cost": form.cost(),
    }
