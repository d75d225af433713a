"""`k3m-kg complete`: propose the values that products lack."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from k3m_kg.cli.console import JsonFlag, note, print_json, progress_bar
from k3m_kg.cli.using import (
    ArtifactArgument,
    BatchSizeOption,
    DeviceOption,
    SnapshotOption,
    SplitOption,
    Stages,
    open_subject,
)

if TYPE_CHECKING:
    from k3m_kg.evaluation.proposals import Proposal


def complete(
    artifact: ArtifactArgument,
    snapshot: SnapshotOption = None,
    product: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Only this product; repeatable. [default: all]"),
    ] = None,
    properties: Annotated[
        list[str] | None,
        typer.Option("--property", metavar="P", help="Only this property; repeatable."),
    ] = None,
    min_share: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Without --property: properties that at least this share of products have.",
        ),
    ] = 0.05,
    top_k: Annotated[
        int, typer.Option(min=1, metavar="K", help="Values per product and property.")
    ] = 5,
    known_too: Annotated[
        bool, typer.Option("--all", help="Also ask what a product has, hiding it first.")
    ] = False,
    split: SplitOption = "all",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write .csv, .jsonl or .parquet instead of printing."),
    ] = None,
    batch_size: BatchSizeOption = 256,
    device: DeviceOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Propose values for the properties that products have no triple of.

    Each value comes with the model's score and a probability: the softmax over all values that
    the property takes in training, calibrated where `evaluate --calibrate` was run.
    """
    from k3m_kg.evaluation.calibration import hint, load_calibration
    from k3m_kg.evaluation.completion import CompletionSettings
    from k3m_kg.evaluation.completion import complete as proposals_of
    from k3m_kg.evaluation.tables import check_table, write_table

    if out is not None:
        check_table(out)
    settings = CompletionSettings(tuple(properties or ()), min_share, top_k, known_too)
    with progress_bar(disable=as_json) as bar:
        stages = Stages(bar)
        subject = open_subject(artifact, snapshot, device, stages)
        calibration = load_calibration(subject.artifact)
        rows = subject.snapshot.row_of(product) if product else subject.rows(split)
        proposals: Iterable[Proposal] = proposals_of(
            subject.artifact.model,
            subject.batcher,
            rows,
            settings,
            temperature=calibration.temperature if calibration else lambda name: 1.0,
            batch_size=batch_size,
            progress=lambda count: stages.more("complete", count, len(rows)),
        )
        if out is not None:
            written = write_table(out, proposals)
        else:
            proposals = list(proposals)
    if calibration is None:
        note(f"probabilities are not calibrated: {hint(subject.artifact)}")
    if out is not None:
        if as_json:
            print_json({"products": len(rows), "proposals": written, "file": str(out)})
        else:
            note(f"{written:,} proposals for {len(rows):,} products in {out}")
    elif as_json:
        print_json([proposal.record() for proposal in proposals])
    else:
        _print(proposals)


def _print(proposals: Iterable[Proposal]) -> None:
    product, name = None, None
    for item in proposals:
        if item.product != product:
            print(item.product)
        if (item.product, item.property) != (product, name):
            print(f"  {item.property}")
        product, name = item.product, item.property
        print(f"    {item.probability:6.1%}  {item.value}")
    if product is None:
        note("nothing is missing: `--all` also asks the properties that products have")
