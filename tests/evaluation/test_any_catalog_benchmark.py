"""The table of `python -m benchmarks any_catalog`, from reports as `evaluate --json` gives them."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.any_catalog import catalogs, table


def report(ours: float, words: float, key: str) -> dict[str, Any]:
    verdict = {
        "model": ours,
        "competitor": words,
        "against": "a linear model on words",
        "outcome": "ahead" if ours > words else "behind",
        "low": ours - words - 0.1,
        "high": ours - words + 0.1,
    }
    return {
        "metrics": {key: ours},
        "baselines": {"majority": {key: 0.2}, "words": {key: words}},
        "verdict": verdict,
        "calibration": {"splits": {"test": {"before": {"ece": 0.05}, "after": {"ece": 0.02}}}},
    }


def seed(number: int, category: float, properties: float) -> dict[str, Any]:
    return {
        "seed": number,
        "seconds": 60.0 + number,
        "reports": {
            "category, everything": report(category, 0.8, "accuracy"),
            "properties, everything": report(properties, 0.4, "macro_hits@1"),
        },
    }


def test_means_and_deviations_over_seeds_with_one_verdict_each() -> None:
    bare = {"seed": 0, "seconds": 5.0, "reports": {}}
    bare["reports"]["properties, everything"] = seed(0, 0.9, 0.5)["reports"][
        "properties, everything"
    ]
    lines = list(table({"shop": [seed(0, 0.9, 0.5), seed(1, 0.7, 0.7)], "bare": [bare]}))
    assert lines[0] == "| catalog | asked | shown | majority | words | all | **K3M** | training |"
    assert lines[2] == (
        "| shop | category | everything | 20.0 ± 0.0 | 80.0 ± 0.0 | - | 80.0 ± 14.1 | 60 s |"
    )
    assert lines[4] == "| bare | properties | everything | 20.0 | 40.0 | - | 50.0 | 5 s |"
    assert "| shop | 5.0 ± 0.0 | 2.0 ± 0.0 |" in lines
    assert any(
        line.startswith(
            "- shop, category, everything: ahead in 1 of 2 and behind in 1 of 2, beside"
        )
        for line in lines
    )
    assert any(line.startswith("- shop, properties, everything: ahead, beside") for line in lines)


def test_each_file_is_a_catalog_with_the_pictures_beside_it(tmp_path: Path) -> None:
    files = []
    for name in ("lamps", "shoes"):
        (tmp_path / name).mkdir()
        files.append(tmp_path / name / "products.jsonl")
        files[-1].touch()
    (tmp_path / "shoes" / "images").mkdir()
    given = Namespace(
        files=files, mapping=None, images=None, split_file=None, work=tmp_path / "work"
    )
    lamps, shoes = catalogs(given)
    assert (lamps.name, lamps.images) == ("lamps", None)
    assert (shoes.name, shoes.images) == ("shoes", tmp_path / "shoes" / "images")
    given.files = [files[0], files[0]]
    with pytest.raises(SystemExit, match="two catalogs"):
        catalogs(given)
