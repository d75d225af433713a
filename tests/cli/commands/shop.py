"""What these tests have in common: a judged model, and the graph of its shop."""

from __future__ import annotations

from pathlib import Path

from k3m_kg.contracts import Verdict
from k3m_kg.use.calibration.verdicts import keep_verdict
from k3m_kg.use.open_model import open_model
from tests.cli.conftest import Command


def judge(folder: Path, outcome: str, what: str = "link prediction") -> None:
    """Let an artifact know what it is worth."""
    sign = {"ahead": 1, "behind": -1}[outcome]
    low, high = sorted((0.1 * sign, 0.3 * sign))
    verdict = Verdict(
        what=what,
        split="test",
        measure="Hits@1",
        model=0.5,
        against="a linear model on words",
        competitor=0.5 - 0.2 * sign,
        low=low,
        high=high,
        outcome=outcome,
        questions=9,
        products=9,
    )
    opened = open_model(folder, None, device="cpu")
    (folder / "verdict.json").unlink(missing_ok=True)
    keep_verdict(opened.trained, opened.snapshot.id, verdict)


def shop_graph(run: Command, tmp_path: Path) -> str:
    """A graph whose products state less than the snapshot that the models know."""
    source, db = tmp_path / "shop.tsv", f"sqlite:///{tmp_path / 'graph.db'}"
    rows = [f"p{n:03}\ta title\thttps://x/1.jpg\tfits#:#all\tcoats\n" for n in range(60)]
    source.write_text("".join(rows), "utf-8")
    assert run("ingest", source, "--db", db)[0] == 0
    return db
