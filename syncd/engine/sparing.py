"""Looks for circular garbage less often while a cycle runs, and never among what a process loaded at its start. Never switches
the collector off, and never frees anything by itself.

A cycle makes millions of objects that die by their counts, and keeps hundreds of thousands that form no circle. With Python's own
thresholds (700, 10, 10) the collector walked through them again and again: a sixth of a first plan's processor time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SELDOM: Final = (50_000, 20, 100)
"""New containers per look at the young ones, and looks per look at the next older ones. Few megabytes wait for it at most."""
_before: list[tuple[int, int, int]] = []
"""For each block under way, what was before the first of them."""


@contextmanager
def sparing() -> Iterator[None]:
    """Use these thresholds inside the block. Blocks may overlap; the last one to end restores what was before all."""
    _before.append(_before[-1] if _before else gc.get_threshold())
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        found = _before.pop()
        if not _before:
            gc.set_threshold(*found)


def loaded() -> None:
    """Say that what there is by now stays until the process ends: the collector does not look at it any more.

    Once in a process: garbage of later would be kept for ever. Some 200,000 containers of modules, settings and rules; walking
    through them takes 40 ms.
    """
    if not gc.get_freeze_count():
        gc.freeze()
