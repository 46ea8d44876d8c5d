"""A graph of concepts, however it came about: what is needed for what, and what belongs together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError, ShapeError, near
from umbel.families.tracing.graph.edges import Edge, without_circles
from umbel.families.tracing.graph.graphml import graphml, read_graphml
from umbel.families.tracing.graph.tables import graph_section
from umbel.judging.section import Section
from umbel.training.files import write_text

__all__ = ["ConceptGraph"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ConceptGraph:
    """Concepts, what is needed for what, and what belongs together.

    :param concepts: names, [C].
    :param edges: without circles; where they were found, the strongest first.
    :param clusters: of each concept, [C], numbers from 0.
    :param influence: [C, C], of one answer on the column's concept on forecasts of the row's; None where the
        graph was given.
    :param growth: [C, C], by clamping (:func:`~umbel.families.tracing.graph.direction.clamped_growth`).
    :param gates: [C, C], evidence in standard errors that the row's gain hangs on the column's mastery.
    :param mastery: of one student, [C] in [0, 1], NaN unknown; None for the graph itself.
    :param student: whose mastery it is.
    :param notes: how it was found, JSON.
    """

    concepts: tuple[str, ...]
    edges: tuple[Edge, ...]
    clusters: NDArray[np.int64]
    influence: Floats | None = None
    growth: Floats | None = None
    gates: Floats | None = None
    mastery: Floats | None = None
    student: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.concepts)

    @staticmethod
    def from_edges(
        edges: Iterable[tuple[str, str]], *, concepts: Sequence[str] | None = None
    ) -> ConceptGraph:
        """A graph that a user knows.

        :param edges: names: what is needed, and what it is needed for.
        :param concepts: all concepts; those of the edges, in their order, where None.
        :raises DataError: an edge names an unknown concept, or closes a circle.

        >>> ConceptGraph.from_edges([("count", "add"), ("add", "multiply")]).needed("multiply")
        ['add']
        """
        pairs = [(str(source), str(target)) for source, target in edges]
        names = list(dict.fromkeys(one for pair in pairs for one in pair)) if concepts is None else concepts
        place = {name: i for i, name in enumerate(names)}
        for one in (one for pair in pairs for one in pair):
            if one not in place:
                raise DataError(
                    "an edge joins two concepts there are", found=f"'{one}'", remedy=near(one, names)
                )
        kept, left = without_circles([Edge(place[a], place[b]) for a, b in dict.fromkeys(pairs)], len(names))
        _no_circle(names, left)
        return ConceptGraph(
            tuple(names), tuple(kept), np.zeros(len(names), dtype=np.int64), notes={"from": "given"}
        )

    def needed(self, concept: str) -> list[str]:
        """What is needed for a concept, without what is needed only for that.

        :raises DataError: there is no such concept.
        """
        if concept not in self.concepts:
            raise DataError(
                "a concept of the graph must be one it has",
                found=f"'{concept}'",
                remedy=near(concept, self.concepts),
            )
        own = self.concepts.index(concept)
        return [self.concepts[one.source] for one in self.edges if one.target == own and not one.indirect]

    def pairs(self) -> list[list[str]]:
        """Edges as pairs of names, indirect ones left out: what a model with a graph is given."""
        return [
            [self.concepts[one.source], self.concepts[one.target]] for one in self.edges if not one.indirect
        ]

    def needs(self) -> NDArray[np.bool_]:
        """[C, C], true where the row's concept needs the column's, indirect edges included."""
        found = np.zeros((len(self), len(self)), dtype=bool)
        for one in self.edges:
            found[one.target, one.source] = True
        return found

    def for_student(self, mastery: ArrayLike | Mapping[str, float], *, student: str = "") -> ConceptGraph:
        """The graph with one student's mastery on it.

        :param mastery: of each concept, [C] in [0, 1], NaN unknown; or by name, those left out are unknown.
        :param student: whose it is.
        :raises ShapeError: another number of values than concepts.
        :raises DataError: a value beyond [0, 1], or an unknown name.
        """
        if isinstance(mastery, Mapping):
            for name in mastery:
                if name not in self.concepts:
                    raise DataError(
                        "mastery is of a concept of the graph",
                        found=f"'{name}'",
                        remedy=near(name, self.concepts),
                    )
            mastery = [mastery.get(name, np.nan) for name in self.concepts]
        values = np.asarray(mastery, dtype=np.float64)
        if values.shape != (len(self),):
            raise ShapeError(
                "a student's graph has one mastery per concept",
                found=f"{values.shape}, there are {len(self)} concepts",
                remedy="give them in the order of the graph's concepts, or by name",
            )
        if ((values < 0) | (values > 1)).any():
            raise DataError(
                "mastery is a probability",
                found=f"{np.nanmin(values):.3g} to {np.nanmax(values):.3g}",
                remedy="give numbers in [0, 1]",
            )
        return replace(self, mastery=values, student=student)

    def to_graphml(self, path: str | Path) -> None:
        """Write the graph for other programs (GraphML), whole or not at all.

        :raises DiskError: the file could not be written.
        """
        write_text(Path(path), graphml(self.concepts, self.edges, self.clusters, self.mastery))

    @staticmethod
    def from_graphml(path: str | Path) -> ConceptGraph:
        """Read what :meth:`to_graphml` wrote, or a directed graph of another program: a user's own.

        :raises DataError: the file is no such graph (see
            :func:`~umbel.families.tracing.graph.graphml.read_graphml`), or its edges close a circle.
        """
        found = read_graphml(Path(path))
        kept, left = without_circles(found.edges, len(found.concepts))
        _no_circle(found.concepts, left)
        return ConceptGraph(
            found.concepts,
            tuple(kept),
            found.clusters,
            mastery=found.mastery,
            notes={"from": Path(path).name},
        )

    def section(self) -> Section:
        """Edges, clusters and heat maps, for a report."""
        return graph_section(
            self.concepts,
            self.edges,
            self.clusters,
            influence=self.influence,
            gates=self.gates,
            notes=self.notes,
        )

    @property
    def state(self) -> dict[str, Any]:
        """All of it as JSON; :meth:`from_state` makes it again."""
        matrices = {"influence": self.influence, "growth": self.growth, "gates": self.gates}
        return {
            "concepts": list(self.concepts),
            "edges": [one.state for one in self.edges],
            "clusters": self.clusters.tolist(),
            **{name: _plain(value) for name, value in matrices.items()},
            "mastery": _plain(self.mastery),
            "student": self.student,
            "notes": dict(self.notes),
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> ConceptGraph:
        """What :attr:`state` tells of."""
        arrays = {
            name: None if state[name] is None else np.array(state[name], dtype=np.float64)
            for name in ("influence", "growth", "gates", "mastery")
        }
        return ConceptGraph(
            tuple(state["concepts"]),
            tuple(Edge(**one) for one in state["edges"]),
            np.array(state["clusters"], dtype=np.int64),
            student=state["student"],
            notes=dict(state["notes"]),
            **arrays,
        )


def _plain(values: Floats | None) -> list[Any] | None:
    """Nested lists, None for NaN."""
    if values is None:
        return None
    if values.ndim > 1:
        return [_plain(row) for row in values]
    return [None if np.isnan(value) else float(value) for value in values]


def _no_circle(names: Sequence[str], left: Sequence[Edge]) -> None:
    """Refuses a given graph of which an edge had to be left out."""
    if left:
        raise DataError(
            "no concept is needed for itself, by whatever way",
            found=f"'{names[left[0].source]}' for '{names[left[0].target]}' closes a circle",
            remedy="leave one edge of the circle out",
        )
