"""Free blocks between kept ones: the system has them back; few kernels are kept."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from k3m_kg.engine.allocator import bound_growth
from tests.processes import HANG

_GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc's allocator")
_STEPS = """
import sys
import numpy as np
from k3m_kg.engine.allocator import bound_growth

def own():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) >> 10 for line in status if line.startswith("RssAnon"))

if sys.argv[1] == "ours":
    assert bound_growth()
np.ones(30 << 20, np.uint8)  # from now on glibc keeps whatever is smaller
before, kept = own(), []
for step in range(40):  # what a step leaves lies after what it freed
    large = np.ones(4 << 20, np.uint8)
    kept.append((large, bytes(2000)))
kept = [small for _, small in kept]
del large
print(own() - before)
"""


def _growth(whose: str) -> int:
    """MiB after 160 MiB were taken and freed, with a little that is kept between them."""
    command = [sys.executable, "-c", _STEPS, whose]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=HANG)
    return int(found.stdout)


@_GLIBC
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_freed_tensors_leave_no_holes() -> None:
    assert _growth("ours") <= 20
    assert _growth("glibc's") >= 100, "glibc does by itself what is asked of it"


@pytest.mark.parametrize(
    "environment",
    [
        {"MALLOC_MMAP_THRESHOLD_": "65536"},
        {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=65536"},
    ],
)
def test_what_the_environment_says_of_it_stays(environment: dict[str, str]) -> None:
    assert not bound_growth(environment)


_SIZES = """
import torch
from k3m_kg.engine.allocator import bound_growth

bound_growth()
for tokens in [*range(1, 300), 1]:  # a kernel for each
    torch.nn.functional.gelu(torch.ones(tokens, 4))
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN computes GELU there")
def test_kernels_of_sizes_that_were_long_ago_are_forgotten() -> None:
    environment = os.environ | {"ONEDNN_VERBOSE": "2"}
    environment.pop("ONEDNN_PRIMITIVE_CACHE_CAPACITY", None)
    command = [sys.executable, "-c", _SIZES]
    found = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=HANG, env=environment
    )
    made = [line for line in found.stdout.splitlines() if "create:" in line and "gelu" in line]
    assert len(made) == 300
    assert "cache_miss" in made[-1], "all of them are kept"
