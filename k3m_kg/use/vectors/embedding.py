"""Product vectors `c*` to a Parquet file, a block at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from k3m_kg.batches.batcher import Batcher
from k3m_kg.batches.split_questions import held_out_included
from k3m_kg.contracts import LinkPredictor
from k3m_kg.errors import K3MError
from k3m_kg.files import whole_file
from k3m_kg.lpm.questions import Triples, Visibility, heads_of
from k3m_kg.progress import Advance

_BATCHES_PER_GROUP = 64


def write_embeddings(
    predictor: LinkPredictor,
    batcher: Batcher,
    rows: np.ndarray,
    path: Path,
    *,
    batch_size: int = 256,
    progress: Advance | None = None,
) -> int:
    """Write the vectors of some products, each from all that is known of it.

    The columns are `id` (string) and `vector` (fixed-size list of H float32). The file appears
    whole or not at all; memory does not grow with the number of products.

    Returns:
        H.

    Raises:
        K3MError: the file cannot be written.
    """
    blocks = heads_of(
        predictor,
        batcher,
        Triples.each(rows),
        Visibility(cut_title=False),
        batch_size=batch_size,
        progress=progress,
    )
    with whole_file(path) as staging, held_out_included(batcher):
        writer, group, start, hidden = None, [], 0, 0
        try:
            for head_BH in blocks:
                hidden = head_BH.shape[1]
                ids = [batcher.snapshot.ids[row] for row in rows[start : start + len(head_BH)]]
                start += len(head_BH)
                flat = pa.array(head_BH.cpu().numpy().ravel(), pa.float32())
                vectors = pa.FixedSizeListArray.from_arrays(flat, hidden)
                group.append(pa.table({"id": pa.array(ids, pa.string()), "vector": vectors}))
                if writer is None:
                    writer = pq.ParquetWriter(staging, group[0].schema)
                if len(group) == _BATCHES_PER_GROUP:
                    writer.write_table(pa.concat_tables(group).combine_chunks())
                    group = []
            if writer is None:
                raise K3MError("no products to embed", where=str(batcher.snapshot.path))
            if group:
                writer.write_table(pa.concat_tables(group).combine_chunks())
        finally:
            if writer is not None:
                writer.close()
    return hidden
