"""Several processes for one command: the same command in each, one of which writes and speaks.

They find each other as under ``torchrun`` (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT), which may start
the command as well.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

__all__ = ["leads", "run_processes"]


def leads() -> bool:
    """True in the process that writes and speaks: the first of several, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def run_processes(count: int, arguments: Sequence[str]) -> int | None:
    """Run a command of umbel in several processes and wait for them.

    :param count: how many; 1 leaves the work to this process.
    :param arguments: of the command line, without the program's name.
    :returns: the exit code to end with; None where this process is to do the work itself.
    """
    if count == 1 or "WORLD_SIZE" in os.environ:
        return None
    shared = {
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS")
        or str(max(1, (os.cpu_count() or count) // count)),
    }
    with tempfile.TemporaryFile() as heard:
        children = [
            subprocess.Popen(
                [sys.executable, "-m", "umbel", *arguments],
                env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=None if rank == 0 else subprocess.DEVNULL,
                stderr=None if rank == 0 else heard,
            )
            for rank in range(count)
        ]
        code = _wait(children)
        if code and children[0].returncode in (0, -15):  # only another than the first knows why
            heard.seek(0)
            sys.stderr.write(heard.read().decode(errors="replace"))
    return code


def _wait(children: Sequence[subprocess.Popen[bytes]]) -> int:
    """The first exit code that is not 0; the others are ended then, as they would wait for ever."""
    try:
        while any(child.poll() is None for child in children):
            if failed := [c.returncode for c in children if c.returncode not in (None, 0)]:
                time.sleep(0.5)  # let the first one say why, if it also stops
                return failed[0] if failed[0] > 0 else 128 - failed[0]
            time.sleep(0.05)
        return next((c.returncode for c in children if c.returncode), 0)
    except KeyboardInterrupt:  # the terminal has told the children, too
        return max(child.wait(timeout=30) for child in children)
    finally:
        for child in children:
            if child.poll() is None:
                child.terminate()
        for child in children:
            child.wait()
