"""What a process that computes on a processor does with memory that it has freed."""

from __future__ import annotations

import ctypes

# glibc's malloc.h
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8
GROW_BYTES = 64 << 20


def keep_freed_memory() -> None:
    """From now on freed memory is used again instead of going back to the system: glibc otherwise maps every large tensor anew, and the
    system clears it page by page. One arena for all threads, since the others always give back. Does nothing without glibc.

    To be called before the process starts threads; processes forked from it inherit it.
    """
    mallopt = _libc("mallopt")
    if mallopt is not None:
        for option, value in ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_TOP_PAD, GROW_BYTES)):
            mallopt(option, value)


def give_back_freed_memory() -> None:
    """All that is free now, once: between stages."""
    malloc_trim = _libc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def _libc(name: str) -> ctypes._NamedFuncPointer | None:
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except (OSError, TypeError):  # a system whose programs have no such library
        return None
