"""The command line as users have it, for benchmarks that go through it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

_COMMAND = [sys.executable, "-c", "from k3m_kg.cli.app import main; main()"]


def k3m_kg(*arguments: object, threads: int) -> Any:
    """Run `k3m-kg ... --json`; its JSON. What it says of its progress is shown.

    Raises:
        CalledProcessError: it failed, and has said why.
    """
    done = subprocess.run(
        [*_COMMAND, *map(str, arguments), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
    )
    return json.loads(done.stdout)
