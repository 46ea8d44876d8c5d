"""``umbel schema``: the keys of the configuration."""

from __future__ import annotations

from umbel.app import options

__all__ = ["schema"]


def schema(out: options.OutFile = None) -> None:
    """The JSON schema of the YAML configuration, for editors that complete and check keys."""
    import json

    from umbel.app.config import json_schema
    from umbel.training.files import write_text

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        print(text, end="")
    else:
        write_text(out, text)
        print(out)
