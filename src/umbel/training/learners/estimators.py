"""scikit-learn members on disk: skops bytes with an explicit list of the types that may be loaded."""

from __future__ import annotations

from typing import Any

from umbel.errors import ModelFileError

__all__ = ["TRUSTED", "from_bytes", "to_bytes"]

TRUSTED: tuple[str, ...] = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Types beyond those skops trusts by itself: the node tables of trees. Loading them runs no code."""


def to_bytes(estimator: Any) -> bytes:
    """A fitted scikit-learn estimator as bytes; no pickle."""
    import zipfile

    from skops.io import dumps

    found: bytes = dumps(estimator, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    return found


def from_bytes(content: bytes) -> Any:
    """The estimator that :func:`to_bytes` wrote.

    :raises ModelFileError: the bytes are damaged, or hold a type that is not in ``TRUSTED``.
    """
    from skops.io import get_untrusted_types, loads

    try:
        strange = [name for name in get_untrusted_types(data=content) if name not in TRUSTED]
    except Exception as error:  # zip, JSON and key errors of a damaged file
        raise ModelFileError(
            "a saved scikit-learn member can be read",
            found=str(error),
            remedy="restore the folder from a copy or fit again",
        ) from error
    if strange:
        raise ModelFileError(
            "a saved scikit-learn member holds only trusted types",
            found=", ".join(strange),
            remedy="take a folder that umbel wrote; this one was made by something else",
        )
    return loads(content, trusted=list(TRUSTED))
