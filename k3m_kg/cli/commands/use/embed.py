"""`k3m-kg embed`: product vectors to a Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from k3m_kg.cli.console import JsonFlag, note, print_json, progress_bar
from k3m_kg.cli.outputs import guard
from k3m_kg.cli.using import (
    ArtifactArgument,
    BatchSizeOption,
    DeviceOption,
    PrecisionOption,
    SnapshotOption,
    SplitOption,
    Stages,
    kept_with_progress,
    note_unknown,
    note_verdict,
    open_with_progress,
    sharing,
)
from k3m_kg.errors import UsageError


def embed(
    artifact: ArtifactArgument,
    out: Annotated[
        Path,
        typer.Argument(
            help="The Parquet file to write, or a folder NAME.vectors for `search`, `match` and "
            "`serve`.",
            metavar="OUT",
        ),
    ],
    snapshot: SnapshotOption = None,
    split: SplitOption = "all",
    batch_size: BatchSizeOption = 256,
    device: DeviceOption = "auto",
    dtype: PrecisionOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Write the vector of every product: columns id and vector (float32).

    Products that training never saw are encoded from their own image, title and triples. Several
    processes (torchrun) make OUT a folder of parts.

    In a folder NAME.vectors lie the vectors of all products with an index that finds the nearest;
    what is there of products that are as they were is kept.
    """
    guard("OUT", out, artifact=artifact, snapshot=snapshot)
    if out.suffix == ".vectors":
        _keep(artifact, out, snapshot, split, batch_size, device, dtype, as_json)
        return
    from k3m_kg.use.parts import own_part, own_share
    from k3m_kg.use.vectors.embedding import write_embeddings

    with sharing() as processes, progress_bar(disable=as_json or not processes.first) as bar:
        stages = Stages(bar)
        with processes.first_ahead():
            opened = open_with_progress(
                artifact, snapshot, device, stages, precision=dtype, ranks=False
            )
        rows = opened.rows(split)
        own = own_share(rows, processes)
        with own_part(out, processes) as part:
            width = write_embeddings(
                opened.predictor,
                opened.batcher,
                own,
                part,
                batch_size=batch_size,
                progress=lambda count: stages.more("embed", count, len(own)),
            )
    if not processes.first:
        return
    note_unknown(opened, rows)
    note_verdict(opened)
    if as_json:
        print_json({"products": len(rows), "width": width, "file": str(out)})
    else:
        note(f"{len(rows):,} vectors of width {width} in {out}")


def _keep(
    artifact: Path,
    out: Path,
    snapshot: Path | None,
    split: str,
    batch_size: int,
    device: str,
    dtype: str,
    as_json: bool,
) -> None:
    """The folder that searches read."""
    if split != "all":
        raise UsageError("a folder of vectors is of all products", where=f"--split {split}")
    with sharing() as processes:
        if processes.several:
            raise UsageError(
                "several processes write Parquet only", where=str(out), hint="start one process"
            )
    with progress_bar(disable=as_json) as bar:
        stages = Stages(bar)
        opened = open_with_progress(
            artifact, snapshot, device, stages, precision=dtype, ranks=False
        )
        kept = kept_with_progress(opened, out, stages, batch_size)
    note_unknown(opened, opened.rows())
    note_verdict(opened)
    report = {
        "products": len(kept.vectors_NH),
        "width": kept.vectors_NH.shape[1],
        "file": str(out),
        "made": kept.told.made,
        "kept": kept.told.kept,
        "index": not kept.nearest.exact,
    }
    if as_json:
        print_json(report)
    else:
        note(f"{report['products']:,} vectors of width {report['width']} in {out}")
