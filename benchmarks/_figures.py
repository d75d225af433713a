"""Figures as lines of JSON: shown, and kept where a run asks for it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def add_out(parser: argparse.ArgumentParser) -> None:
    """The option `--out`."""
    parser.add_argument("--out", type=Path, help="append JSON lines here")


def tell(figures: Mapping[str, Any], out: Path | None) -> None:
    """Print one line, and append it to `out`."""
    line = json.dumps(figures)
    print(line, flush=True)
    if out:
        with out.open("a") as file:
            file.write(line + "\n")
