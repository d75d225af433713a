"""The demo's page, from answers made up here: training it takes minutes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from k3m_kg.demo import report
from k3m_kg.demo.examples import Example
from k3m_kg.demo.generator import Mess, generate, read_truth
from k3m_kg.demo.measure import CEILING, CONDITIONS, K3M, MAJORITY, PLAIN, PLAIN_CEILING, Scorecard
from k3m_kg.demo.run import DemoRun
from k3m_kg.demo.world import PROPERTIES
from k3m_kg.use.completion.proposals import Proposal


def test_the_page_shows_figures_plots_and_products(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = generate(tmp_path / "catalog", 12, 0)
    run = DemoRun(tmp_path, 12, 0, Mess(), catalog, {"training": 61.0})
    run.truths = read_truth(catalog.truth)
    run.counts = {"products_added": 12, "triples_added": 99, "rows_quarantined": 2}
    run.k3m, run.plain = tmp_path / "k3m", tmp_path / "plain"
    for artifact in (run.k3m, run.plain):
        log = artifact.with_name(f"{artifact.name}.run")
        log.mkdir()
        lines = [{"step": n, "loss": 3.0, "lpm": 2.0, "mlm": 1.0, "mom": 0.5} for n in range(20)]
        checked = {"step": 19, "epoch": 1, "validation": {"metrics": {"macro_hits@1": 0.5}}}
        text = "".join(json.dumps(line) + "\n" for line in [*lines, checked])
        (log / "metrics.jsonl").write_text(text, "utf-8")
    count = 10 * len(PROPERTIES)
    random = np.random.default_rng(0)
    right = {
        (who, condition): random.random(count) < 0.5
        for who in (MAJORITY, PLAIN, K3M, PLAIN_CEILING, CEILING)
        for condition in CONDITIONS
    }
    answers = Scorecard(np.repeat(np.arange(10), len(PROPERTIES)), [*PROPERTIES] * 10, right)
    truth = next(iter(run.truths.values()))
    name, value = next(iter(truth.facts.items()))
    proposals = {name: [Proposal(truth.id, name, value, 1.0, 0.75)]}
    shown = Example(truth, "a <b>title</b>", {"colour": "red & blue"}, proposals)
    monkeypatch.setattr(report, "pick_examples", lambda k3m, truths: [shown])
    page = report.write_report(run, answers).read_text("utf-8")
    assert "Content-Security-Policy" in page
    assert "a &lt;b&gt;title&lt;/b&gt;" in page
    assert "red &amp; blue" in page
    assert '<div class="bar right">' in page
    for plot in ("properties", "missing", "training"):
        assert (tmp_path / "plots" / f"{plot}.png").read_bytes().startswith(b"\x89PNG")
    assert page.count('<img src="data:image/png') >= 3
    for name in PROPERTIES:
        assert f"<td class=text>{name}</td>" in page
