"""What the demo makes on its way, for its report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from k3m_kg.demo.generator import DemoCatalog, Mess, Truth
from k3m_kg.snapshot import Snapshot


@dataclass(slots=True)
class DemoRun:
    """One run of the demo.

    Attributes:
        folder: where everything is.
        mess: the known shares of missing and wrong parts.
        catalog: the generated files.
        counts: of the ingest.
        truths: what is true of each product; only the report looks.
        snapshot: the cut that both models learned from.
        k3m, plain: the artifacts, with knowledge and without.
        seconds: how long each stage took, in order.
    """

    folder: Path
    products: int
    seed: int
    mess: Mess
    catalog: DemoCatalog
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    truths: dict[str, Truth] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    k3m: Path = Path()
    plain: Path = Path()
