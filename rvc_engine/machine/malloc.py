"""What a process that computes on a CPU does with memory that it has freed: it uses it again.

glibc otherwise takes every large tensor anew from the system, which clears it page by page, and each step of a training
takes longer the longer it runs, for what it needs for a moment lies scattered between the clips that it keeps.
"""

from __future__ import annotations

import ctypes

KEEPING_FREED_MEMORY = {
    "GLIBC_TUNABLES": ":".join(
        f"glibc.malloc.{name}"
        for name in (
            "hugetlb=1",
            "arena_max=1",
            "mmap_threshold=4294967296",
            "trim_threshold=4294967296",
            "top_pad=268435456",
        )
    ),
    "THP_MEM_ALLOC_ENABLE": "1",
}
"""The environment of a process that is to do so, in huge pages. Read by glibc and torch when it starts; others ignore
it."""

# glibc's malloc.h
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8
GROW_BYTES = 64 << 20


def keep_freed_memory() -> None:
    """The same for this process, which has started without that environment, in common pages. To be called before it
    starts threads, which would otherwise get an arena of their own. Does nothing without glibc."""
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
