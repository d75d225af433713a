"""A scorer that was kept answers as before; a file that was changed is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from k3m_kg.errors import ArtifactError
from k3m_kg.snapshot import Snapshot
from k3m_kg.spans.keeping import ARRAYS, FILE, load_spans, save_spans
from k3m_kg.spans.scoring import SpanScorer


def test_kept_and_opened_it_answers_as_before(
    brands: Snapshot, scorer: SpanScorer, tmp_path: Path
) -> None:
    assert load_spans(tmp_path) is None
    save_spans(scorer, tmp_path, brands.id)
    kept = load_spans(tmp_path)
    assert kept is not None
    assert kept[1] == brands.id
    for row in brands.rows("test").tolist()[:5]:
        product = brands.product(row)
        for name in scorer.names:
            one = scorer.about(scorer.read(product), name)
            other = kept[0].about(kept[0].read(product), name)
            assert one.texts == other.texts
            np.testing.assert_allclose(one.logit_T, other.logit_T, rtol=1e-6)


def test_damage_is_named(brands: Snapshot, scorer: SpanScorer, tmp_path: Path) -> None:
    save_spans(scorer, tmp_path, brands.id)
    arrays = load((tmp_path / ARRAYS).read_bytes())
    for broken in (
        {**arrays, "features": arrays["features"] + (1 << 20)},
        {**arrays, "weights": arrays["weights"][:-1]},
        {**arrays, "frequency": arrays["frequency"][:10]},
        {"weights": arrays["weights"]},
    ):
        (tmp_path / ARRAYS).write_bytes(save(broken))
        with pytest.raises(ArtifactError, match="damaged"):
            load_spans(tmp_path)
    (tmp_path / ARRAYS).write_bytes(b"{}")
    with pytest.raises(ArtifactError, match="damaged"):
        load_spans(tmp_path)
    record = json.loads((tmp_path / FILE).read_text())
    record["known"]["brand"]["counts"].pop()
    (tmp_path / FILE).write_text(json.dumps(record))
    with pytest.raises(ArtifactError, match="damaged"):
        load_spans(tmp_path)
