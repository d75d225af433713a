from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from k3m_kg.errors import ConfigError, K3MError
from k3m_kg.use.open_model import OpenModel
from k3m_kg.use.vectors.embedding import write_embeddings


def test_the_vectors_are_c_star_of_each_product_in_order(opened: OpenModel, tmp_path: Path) -> None:
    rows = opened.snapshot.rows("test")
    out = tmp_path / "vectors.parquet"
    told: list[int] = []
    width = write_embeddings(
        opened.predictor, opened.batcher, rows, out, batch_size=5, progress=told.append
    )
    table = pq.read_table(out)
    assert table.schema.field("id").type == pa.string()
    assert table.schema.field("vector").type == pa.list_(pa.float32(), width)
    assert table["id"].to_pylist() == [opened.snapshot.ids[int(row)] for row in rows]
    with torch.no_grad():
        expected = opened.predictor.heads(opened.batcher.batch(rows))
    actual = torch.tensor(np.stack(table["vector"].to_numpy()))
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-4)
    assert sum(told) == len(rows)


def test_many_row_groups_hold_the_same_vectors(
    opened: OpenModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.arange(len(opened.snapshot))
    whole, parts = tmp_path / "whole.parquet", tmp_path / "parts.parquet"
    write_embeddings(opened.predictor, opened.batcher, rows, whole, batch_size=8)
    monkeypatch.setattr("k3m_kg.use.vectors.embedding._BATCHES_PER_GROUP", 3)
    write_embeddings(opened.predictor, opened.batcher, rows, parts, batch_size=8)
    assert pq.ParquetFile(parts).num_row_groups == 3
    assert pq.read_table(parts).equals(pq.read_table(whole))


def test_a_failure_leaves_the_old_file_and_no_half_written_one(
    opened: OpenModel, tmp_path: Path
) -> None:
    out = tmp_path / "vectors.parquet"
    out.write_text("what was there")

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_embeddings(
            opened.predictor,
            opened.batcher,
            np.arange(9),
            out,
            batch_size=4,
            progress=stop,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.parquet"]
    assert out.read_text() == "what was there"


def test_a_folder_that_is_not_there_is_one_clear_error(opened: OpenModel, tmp_path: Path) -> None:
    with pytest.raises(K3MError, match="cannot be written"):
        write_embeddings(
            opened.predictor, opened.batcher, np.arange(3), tmp_path / "no" / "x.parquet"
        )


def test_a_model_computes_in_the_precision_that_is_asked(opened: OpenModel) -> None:
    """On a CPU in float32 unless told otherwise; whatever it computes in, vectors are float32."""
    rows = np.arange(6)

    def vectors(precision: str) -> np.ndarray:
        return OpenModel.of(opened.trained, opened.snapshot, precision=precision).vectors(rows)

    half, exact = vectors("bf16"), vectors("auto")
    assert half.dtype == exact.dtype == np.float32
    assert not np.array_equal(half, exact)
    np.testing.assert_allclose(half, exact, atol=0.1)
    with pytest.raises(ConfigError, match="auto, fp32, bf16"):
        vectors("fp64")
    assert np.array_equal(vectors("fp32"), exact)  # the model is shared: and leave it so
