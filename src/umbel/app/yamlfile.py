"""YAML that a user wrote: read safely, with the line of every key, and a key twice is an error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from umbel.errors import ConfigError

__all__ = ["Source", "read_yaml", "to_yaml"]

Steps = tuple[str, ...]


class _Loader(yaml.SafeLoader):
    """A safe loader that keeps the line of each key and refuses a key that stands twice."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.file = name
        self.lines: dict[Steps, int] = {}

    def note(self, node: yaml.Node, path: Steps) -> None:
        """Keep the lines of all keys at and below a node."""
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                step = (*path, str(key.value))
                if step in self.lines:
                    raise ConfigError(
                        "a key stands once in its mapping",
                        found=f"{'.'.join(step)} in lines {self.lines[step]} and "
                        f"{key.start_mark.line + 1} of '{self.file}'",
                        remedy="keep one of them",
                    )
                self.lines[step] = key.start_mark.line + 1
                self.note(value, step)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.lines[(*path, str(index))] = value.start_mark.line + 1
                self.note(value, (*path, str(index)))


class Source:
    """What stands in a YAML file, and where.

    :param keys: the mapping.
    :param lines: line (from 1) of each key, by its path.
    :param name: what the file is called in messages.
    """

    def __init__(self, keys: dict[str, Any], lines: Mapping[Steps, int], name: str) -> None:
        self.keys, self.lines, self.name = keys, lines, name

    def locate(self, error: ConfigError) -> ConfigError:
        """The same error with the file and the line that its path stands in."""
        head = error.found.split(" ")[0].rstrip(":")
        best = max(
            (path for path in self.lines if f"{head}.".startswith(".".join(path) + ".")),
            key=len,
            default=None,
        )
        place = f"'{self.name}'" if best is None else f"line {self.lines[best]} of '{self.name}'"
        return ConfigError(error.rule, found=f"{error.found} ({place})", remedy=error.remedy)


def read_yaml(path: Path) -> Source:
    """Read a YAML mapping.

    :param path: the file, UTF-8.
    :raises ConfigError: there is no such file, it is not YAML, not a mapping, or has a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "a configuration must be a readable file",
            found=f"'{path}' ({getattr(error, 'strerror', None) or error})",
            remedy="give the path of a YAML file, e.g. the one `umbel inspect` writes",
        ) from None
    loader = _Loader(text, path.name)
    try:
        node = loader.get_single_node()
        if node is not None:
            loader.note(node, ())
        keys = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f"line {mark.line + 1} of "
        raise ConfigError(
            "a configuration must be YAML",
            found=f"{line}'{path.name}': {getattr(error, 'problem', None) or error}",
            remedy="check the indentation and the colons there",
        ) from None
    finally:
        loader.dispose()
    if not isinstance(keys, dict):
        raise ConfigError(
            "a configuration must be a mapping of keys",
            found=f"'{path.name}' holds {'nothing' if keys is None else type(keys).__name__}",
            remedy="`umbel schema` tells the keys",
        )
    return Source({str(key): value for key, value in keys.items()}, loader.lines, path.name)


def to_yaml(value: Any) -> str:
    """Plain data as YAML, keys in the order they have.

    >>> print(to_yaml({"problem": {"targets": {"score": {}}}}), end="")
    problem:
      targets:
        score: {}
    """
    text: str = yaml.dump(value, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=100)
    return text


class _Quoting(yaml.SafeDumper):
    """Texts with line ends other than \\n in double quotes: left bare they come back as spaces."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    odd = any(end in value for end in "\r\x85\u2028\u2029")
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if odd else None)


_Quoting.add_representer(str, _text)
