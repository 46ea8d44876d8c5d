"""A model folder: whole, checked, and never half-written."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from umbel.errors import DiskError, ModelFileError
from umbel.training.files import replace_folder, write_text
from umbel.training.packing import pack, unpack
from umbel.training.saving import FORMAT, read_model, write_model

STATE = {"a": np.arange(6.0).reshape(2, 3), "b": [1, None, {"c": b"\x00\xff", "d": "ü"}], "e": np.zeros(0)}


def same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.shape == b.shape and bool((a == b).all())
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_pack_and_unpack_are_inverse() -> None:
    value, arrays = pack(STATE)
    assert same(unpack(json.loads(json.dumps(value)), arrays), STATE)


def test_pack_refuses_objects() -> None:
    with pytest.raises(TypeError, match="at 'x'"):
        pack({"x": object()})


def test_write_and_read(tmp_path: Path) -> None:
    write_model(tmp_path / "m", STATE, version="0.1.0", card="# card")
    assert same(read_model(tmp_path / "m"), STATE)
    assert (tmp_path / "m/card.md").read_text() == "# card"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m"]


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_damage_is_found(tmp_path: Path, name: str) -> None:
    write_model(tmp_path / "m", STATE, version="0.1.0")
    content = bytearray((tmp_path / "m" / name).read_bytes())
    content[-9] ^= 1
    (tmp_path / "m" / name).write_bytes(bytes(content))
    with pytest.raises(ModelFileError, match="damaged"):
        read_model(tmp_path / "m")


def test_other_formats_and_missing_files(tmp_path: Path) -> None:
    write_model(tmp_path / "m", STATE, version="0.1.0")
    body = json.loads((tmp_path / "m/model.json").read_text())
    body |= {"format": FORMAT + 1, "umbel": "9.9"}
    (tmp_path / "m/model.json").write_text(json.dumps(body))
    with pytest.raises(ModelFileError, match=r"install umbel 9\.9"):
        read_model(tmp_path / "m")
    (tmp_path / "m/model.safetensors").unlink()
    with pytest.raises(ModelFileError, match=r"no model\.safetensors"):
        read_model(tmp_path / "m")


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path / "m", STATE, version="0.1.0")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match="No space left"):
        write_model(tmp_path / "m", {"other": 1}, version="0.1.0")
    with pytest.raises(DiskError, match="untouched"):
        write_text(tmp_path / "t.txt", "text")
    monkeypatch.undo()
    assert same(read_model(tmp_path / "m"), STATE)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m"]


def test_an_interrupt_while_replacing_keeps_the_former_folder(tmp_path: Path) -> None:
    replace_folder(tmp_path / "m", lambda place: write_text(place / "a", "1"))

    def stop(place: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_folder(tmp_path / "m", stop)
    assert (tmp_path / "m/a").read_text() == "1"
