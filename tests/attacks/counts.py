"""How many attacks of each class: few in CI, as many as `K3M_KG_ATTACKS` says.

`K3M_KG_ATTACKS_START` is the number of the first.
"""

from __future__ import annotations

import os

START = int(os.environ.get("K3M_KG_ATTACKS_START", "0"))


def count(in_ci: int) -> int:
    """The number for a class of which CI tries `in_ci`."""
    return int(os.environ.get("K3M_KG_ATTACKS", str(in_ci)))
