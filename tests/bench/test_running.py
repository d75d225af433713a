"""A benchmark from its files to its table, interrupted and gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from k3m_kg.bench import running
from k3m_kg.bench.registry import BENCHMARKS, METRICS, benchmark_of
from k3m_kg.bench.running import markdown, run_benchmark
from k3m_kg.bench.training import GraphRunner, Options
from k3m_kg.cli.app import app
from k3m_kg.errors import UsageError
from tests.bench import files

TINY_GRAPH = ("dimension=4", "negatives.count=8", "negatives.shared=4", "training.batch_size=16")
TINY_K3M = (
    "model.hidden=16",
    "model.interactor.heads=2",
    "model.structure.heads=2",
    "text_encoder={name: bert-wordpiece, layers: 1, heads: 2, vocab_size: 300}",
    "training.threads=1",
    "training.loggers=[]",
)


def silent(stage: str, done: int, total: int, info: str) -> None:
    assert 0 <= done <= total


def test_a_graph_over_seeds_goes_on_where_it_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(files.plain(tmp_path / "data"), tmp_path / "out", 1, overrides=TINY_GRAPH)
    benchmark = benchmark_of("FB15k-237")
    ran: list[int] = []
    whole = GraphRunner.run

    def run(self: GraphRunner, seed: int) -> dict[str, Any]:
        ran.append(seed)
        if seed == 1 and ran.count(1) == 1:
            raise KeyboardInterrupt
        return whole(self, seed)

    monkeypatch.setattr(GraphRunner, "run", run)
    with pytest.raises(KeyboardInterrupt):
        run_benchmark(benchmark, options, range(2), silent)
    report = run_benchmark(benchmark, options, range(2), silent)
    assert ran == [0, 1, 1], "what was done stays done"
    assert set(report["seeds"]) == {"0", "1"}
    for name in METRICS["triples"]:
        assert 0 <= report["summary"][name]["mean"] <= 1
    assert report["leaks"]["of"] == 8
    table = (options.out / "report.md").read_text()
    assert "measured here, 2 seeds" in table
    assert "Trained with: epochs 1; set dimension=4" in table
    assert "| RotatE | 0.338 | 0.241 | 0.375 | 0.533 | Sun et al., ICLR 2019 |" in table
    again = Options(options.data, options.out, 2, overrides=TINY_GRAPH)
    with pytest.raises(UsageError, match="holds a run of another"):
        run_benchmark(benchmark, again, range(2), silent)


@pytest.mark.parametrize(
    ("name", "layout"), [("amazon-google", files.ditto), ("implicit-ave", files.implicit)]
)
def test_products_are_cut_trained_and_asked(tmp_path: Path, name: str, layout: Any) -> None:
    options = Options(layout(tmp_path / "data"), tmp_path / "out", 1, overrides=TINY_K3M)
    report = run_benchmark(benchmark_of(name), options, [0], silent)
    first = METRICS[benchmark_of(name).task][0]
    assert 0 <= report["summary"][first]["mean"] <= 1
    assert report["summary"][first]["half"] is None or report["summary"][first]["half"] != 0
    assert report["competitors"], "simple competitors are beside it"
    assert json.loads((options.out / "report.json").read_text())["benchmark"]["name"] == name
    assert markdown(report).count("measured here, 1 seed") == 1 + len(report["competitors"])


def test_options_that_do_not_fit_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="embeddings are trained by epochs"):
        run_benchmark(
            benchmark_of("wn18rr"), Options(tmp_path, tmp_path / "o", minutes=1), [0], silent
        )
    with pytest.raises(UsageError, match="entities of a graph"):
        run_benchmark(
            benchmark_of("beer"), Options(tmp_path, tmp_path / "o", features=tmp_path), [0], silent
        )
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="something else"):
        run_benchmark(benchmark_of("beer"), Options(tmp_path, tmp_path / "other"), [0], silent)


def test_the_interval_is_students() -> None:
    results = [{"mrr": 0.1}, {"mrr": 0.2}, {"mrr": 0.3}]
    found = running._summary(results, ("mrr",))["mrr"]
    assert found["mean"] == pytest.approx(0.2)
    assert found["half"] == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)


def test_the_list_says_where_each_is_to_be_had() -> None:
    told = CliRunner().invoke(app, ["bench", "--list", "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert {entry["name"] for entry in found} == set(BENCHMARKS)
    for entry in found:
        assert all(entry[key] for key in ("where", "size", "licence", "layout", "about"))


@pytest.mark.parametrize(
    "words", [["bench", "mkg-w"], ["bench", "mkg-w", "--data", ".", "--download"]]
)
def test_nothing_is_downloaded(words: list[str]) -> None:
    said = CliRunner().invoke(app, words)
    assert isinstance(said.exception, UsageError)
    assert "nothing is downloaded" in str(said.exception)
    assert "github.com/zjukg/NATIVE" in (said.exception.hint or "")


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match="amazon-google"):
        benchmark_of("amazon-gogle")
