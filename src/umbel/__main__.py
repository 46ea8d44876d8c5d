"""``python -m umbel``: the command line."""

from __future__ import annotations

from umbel.app.main import run

if __name__ == "__main__":
    run()
