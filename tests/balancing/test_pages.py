"""A wish for large pages changes nothing but time."""

from __future__ import annotations

import mmap

import pytest
import torch

from umbel.balancing import pages
from umbel.balancing.pages import in_large_pages


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What the system is asked for."""
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(pages, "_advise", lambda: lambda *call: calls.append(call))
    return calls


def test_the_pages_of_a_large_matrix_and_no_others(asked: list[tuple[int, int]]) -> None:
    matrix = torch.empty(4, 2**21 + 3)
    assert in_large_pages(matrix) is matrix
    ((begin, size),) = asked
    assert begin % mmap.PAGESIZE == 0
    assert matrix.data_ptr() <= begin < matrix.data_ptr() + mmap.PAGESIZE
    assert begin + size == matrix.data_ptr() + matrix.nbytes


def test_a_small_matrix_stays_as_it_is(asked: list[tuple[int, int]]) -> None:
    in_large_pages(torch.empty(100, 100))
    assert asked == []


def test_the_system_takes_it() -> None:
    """What is written is what is read, whether there are large pages or not."""
    matrix = in_large_pages(torch.empty(2, 2**22))
    matrix.fill_(3.0)
    assert matrix.sum() == 3 * 2**23


def test_a_system_without_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_advise", lambda: None)
    matrix = torch.empty(2, 2**22)
    assert in_large_pages(matrix) is matrix
