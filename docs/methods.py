"""Write docs/methods.md from the registries: a method's place in the docs comes from its registration."""

from __future__ import annotations

import importlib
from pathlib import Path

from umbel.app.commands.methods import METHODS

TITLES = {
    "kind": "Kinds of answer",
    "learner": "Learners",
    "encoder": "Encoders",
    "fusion": "Fusion of modalities",
    "sharing": "Sharing architectures",
    "blocks": "Blocks of a trunk",
    "balancer": "Balancers",
    "prior": "Priors",
    "metric": "Metrics",
    "tracer": "Models of knowledge",
}


def page() -> str:
    """The page's text."""
    parts = ["# Methods\n\nWhat there is, by name; `umbel methods` prints the same.\n"]
    for sort, place in METHODS.items():
        module, name = place.split(":")
        registry = getattr(importlib.import_module(module), name)
        lines = [f"| `{e.name}` | {_cell(e.summary)} | {_cell(e.source)} |" for e in registry]
        head = f"## {TITLES[sort]}\n\n| name | what | source |\n|---|---|---|\n"
        parts.append(head + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    Path(__file__).with_name("methods.md").write_text(page(), encoding="utf-8")
