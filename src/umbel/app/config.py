"""From a YAML file and the options of the command line to one checked configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umbel.app.yamlfile import Source, read_yaml, to_yaml
from umbel.errors import ConfigError, near

if TYPE_CHECKING:
    from umbel.training.config import Config

__all__ = ["config_text", "json_schema", "merge", "read_config"]


def merge(keys: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of a file, and the options of the command line over them.

    :param keys: nested mappings, as the file has them.
    :param options: by dotted path; None leaves what the file says.

    >>> merge({"problem": {"by": "school"}, "seed": 1}, {"problem.targets": ["score"], "seed": None})
    {'problem': {'by': 'school', 'targets': ['score']}, 'seed': 1}
    """
    merged = {k: dict(v) if isinstance(v, Mapping) else v for k, v in keys.items()}
    for path, value in options.items():
        if value is None:
            continue
        *steps, last = path.split(".")
        at: dict[str, Any] = merged
        for step in steps:
            inner = at.get(step)
            at[step] = dict(inner) if isinstance(inner, Mapping) else {}
            at = at[step]
        at[last] = value
    return merged


def _only_problem(source: Source) -> Source:
    """A file as `umbel inspect` writes it holds the problem alone: put it where the whole has it."""
    if "targets" not in source.keys or "problem" in source.keys:
        return source
    lines = {("problem", *path): line for path, line in source.lines.items()}
    return Source({"problem": source.keys}, lines, source.name)


def read_config(path: Path | None, options: Mapping[str, Any]) -> Config:
    """A checked configuration.

    :param path: a YAML file (the whole configuration, or a problem alone); None for options only.
    :param options: by dotted path (``"problem.targets"``); they win over the file.
    :raises ConfigError: an unknown key or a value it cannot have; its path, line and near keys are told.
    """
    from umbel.data.keys import read_keys
    from umbel.training.config import Config

    source = Source({}, {}, "the command line") if path is None else _only_problem(read_yaml(path))
    unknown = [key for key in source.keys if key not in Config.model_fields]
    if unknown:  # before what is missing: it is most likely the same thing, mistyped
        raise source.locate(
            ConfigError(
                "a key must be one that is known",
                found=unknown[0],
                remedy=near(unknown[0], Config.model_fields),
            )
        )
    keys = merge(source.keys, options)
    if not isinstance(keys.get("problem"), Mapping) or not keys["problem"].get("targets"):
        raise ConfigError(
            "at least one target column must be named",
            found="no targets" if path is None else f"no targets in '{path.name}'",
            remedy="give --targets a,b,c, or --config with a file that `umbel inspect` wrote",
        )
    try:
        return read_keys(Config, keys)
    except ConfigError as error:
        raise (error if path is None else source.locate(error)) from None


def config_text(config: Config) -> str:
    """A configuration as the YAML of a run's ``config.yaml``; reading it gives the same again."""
    return to_yaml(config.model_dump(mode="json"))


def json_schema() -> dict[str, Any]:
    """The JSON schema of the configuration, for editors."""
    from umbel.training.config import Config

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "umbel",
    } | Config.model_json_schema()
