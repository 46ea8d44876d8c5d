"""From a mapping a user wrote to a checked model, with errors that name the path and near keys."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from umbel.errors import ConfigError, UmbelError, near

__all__ = ["config_error", "read_keys"]

M = TypeVar("M", bound=BaseModel)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models an annotation can hold, through unions and containers."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is None:
        return []
    return [model for part in get_args(annotation) for model in _models(part)]


def _step(annotation: Any, key: Any) -> Any:
    """The annotation one key deeper; None where the path leaves what annotations tell."""
    for model in _models(annotation) if not _holds(annotation) else []:
        if key in model.model_fields:
            return model.model_fields[key].annotation
    options = get_args(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        found = [_step(option, key) for option in options]
        return next((f for f in found if f is not None), None)
    if get_origin(annotation) is dict:
        return options[1]
    if get_origin(annotation) in (list, tuple):
        return options[0]
    return None


def _holds(annotation: Any) -> bool:
    """True for a container: its keys are the user's, not a model's."""
    return get_origin(annotation) in (dict, list, tuple)


def config_error(error: ValidationError, model: type[BaseModel], where: str = "") -> ConfigError:
    """The first complaint of pydantic in words: where it is, what is wrong, which keys are near.

    :param error: what pydantic raised.
    :param model: the model that was being read.
    :param where: the path of the mapping in the user's file, e.g. ``"problem"``.
    """
    first = error.errors(include_url=False)[0]
    steps = [str(s) for s in first["loc"]]
    path = ".".join(([where] if where else []) + steps)
    if first["type"] == "extra_forbidden":
        at: Any = model
        for step in first["loc"][:-1]:
            at = _step(at, step)
        known = [name for found in _models(at) for name in found.model_fields]
        return ConfigError("a key must be one that is known", found=path, remedy=near(steps[-1], known))
    if first["type"] == "missing":
        return ConfigError("a required key is missing", found=path, remedy="add it")
    cause = getattr(first.get("ctx", {}).get("error"), "__cause__", None)
    if isinstance(cause, UmbelError):  # a rule that was broken deeper: told as it was, with its path
        return ConfigError(
            cause.rule, found=f"{path}: {cause.found}" if cause.found else path, remedy=cause.remedy
        )
    message = first["msg"].removeprefix("Value error, ")
    came = first["input"]
    shown = f" = {came!r}" if isinstance(came, str | int | float | bool | None) else ""
    options = first.get("ctx", {}).get("expected", "") if first["type"] == "literal_error" else ""
    remedy = "change it; `umbel schema` tells what each key may be"
    if options:
        remedy = near(came, [o.strip("' ") for o in options.replace(" or ", ",").split(",")])
    return ConfigError(message, found=path + shown, remedy=remedy)


def read_keys(model: type[M], keys: Mapping[str, Any] | Sequence[Any] | str | None, where: str = "") -> M:
    """A model from a mapping the user wrote.

    :param model: a pydantic model that forbids unknown keys.
    :param keys: the mapping.
    :param where: its path in the user's file.
    :raises ConfigError: an unknown key or a value it cannot have; the path is named.

    >>> class Small(BaseModel, extra="forbid"):
    ...     size: int = 1
    >>> read_keys(Small, {"size": 2}).size
    2
    >>> read_keys(Small, {"sise": 2}, "model")
    Traceback (most recent call last):
    umbel.errors.ConfigError: a key must be one that is known
      found:  model.sise
      remedy: did you mean 'size'?
    """
    try:
        return model.model_validate({} if keys is None else keys)
    except ValidationError as error:
        raise config_error(error, model, where) from None
