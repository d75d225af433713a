"""Tests write into memory where it has room: they wait for the disk some fifty thousand times."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
NEEDED = 8 << 30
"""Bytes that must be free in memory."""


def write_into_memory() -> None:
    """Make new temporary files there, also those of processes, unless `TMPDIR` says where."""
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it is looked up once


def _has_room() -> bool:
    try:
        there = os.statvfs(MEMORY)
        figures = Path("/proc/meminfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    available = int(figures[figures.index("MemAvailable:") + 1]) << 10
    free = there.f_bavail * there.f_frsize
    programs_run = not there.f_flag & os.ST_NOEXEC
    return min(free, available) >= NEEDED and programs_run and os.access(MEMORY, os.W_OK)
