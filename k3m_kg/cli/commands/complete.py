"""`k3m-kg complete`: propose the values that products lack."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note,
    note_waiting,
    print_json,
    progress_bar,
    say,
)
from k3m_kg.cli.outputs import guard
from k3m_kg.cli.using import (
    ArtifactArgument,
    BatchSizeOption,
    DeviceOption,
    SnapshotOption,
    SplitOption,
    Stages,
    note_unknown,
    note_verdict,
    open_with_progress,
)

if TYPE_CHECKING:
    import numpy as np

    from k3m_kg.use.acceptance import Acceptor
    from k3m_kg.use.completion import CompletionSettings
    from k3m_kg.use.open_model import OpenModel
    from k3m_kg.use.proposals import Proposal

_LABELS = {"triple": "triple", "title": "word", "image": "region"}


def _label(kind: str) -> str:
    """What a part of this kind is called."""
    return _LABELS.get(kind, f"{kind} part")


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
    precision: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=0.999,
            metavar="SHARE",
            help="Only what is sure enough for this precision; needs a calibrated artifact.",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Say which triples, words and image regions carried it."),
    ] = False,
    parts: Annotated[
        int, typer.Option(min=1, metavar="K", help="With --explain: parts per value.")
    ] = 5,
    split: SplitOption = "all",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write .csv, .jsonl or .parquet instead of printing."),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw",
            help="In .csv, texts exactly; else what a spreadsheet would run begins with an "
            "apostrophe.",
        ),
    ] = False,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="Write what --precision accepts into the graph, as one run that `undo` takes "
            "back.",
        ),
    ] = False,
    db: DatabaseOption = DEFAULT_DATABASE,
    batch_size: BatchSizeOption = 256,
    device: DeviceOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Propose values for the properties that products have no triple of.

    Each value comes with the model's score and a probability: the softmax over all values that
    the property takes in training, calibrated where `evaluate --calibrate` was run.

    With --precision 0.95 only the best value is given, and only where it is as probable as it must
    be for 95 % of what a property gives to be right. The threshold of each property is chosen on
    validation with 90 % confidence; a property that reaches it nowhere gives nothing.
    """
    from k3m_kg.use.completion import CompletionSettings
    from k3m_kg.use.tables import check_table, write_table

    if out is not None:
        check_table(out)
        guard("--out", out, db=db if write else None, artifact=artifact, snapshot=snapshot)
    if write:
        _check_writing(precision, known_too, db)
    best = 1 if precision is not None else top_k
    settings = CompletionSettings(tuple(properties or ()), min_share, best, known_too)
    with progress_bar(disable=as_json) as bar:
        stages = Stages(bar)
        opened = open_with_progress(artifact, snapshot, device, stages)
        rows = opened.snapshot.row_of(product) if product else opened.rows(split)
        proposals, acceptor = _proposals(
            opened, rows, settings, precision, parts if explain else 0, batch_size, stages
        )
        if write or out is None:
            proposals = list(proposals)
        report: dict[str, Any] = {"products": len(rows)}
        if out is not None:
            report["proposals"] = write_table(
                out, proposals, explained=explain, spreadsheet=not raw
            )
            report["file"] = str(out)
        if write:
            report |= _write(db, artifact, proposals)
    if acceptor is not None:
        report["per_property"] = acceptor.report()
    if as_json and (write or out is not None):
        print_json(report)
        return
    if out is not None:
        note(f"{report['proposals']:,} proposals for {len(rows):,} products in {out}")
    if write:
        note(f"{report['triples_added']:,} triples written as run {report['run']}")
    if as_json:
        print_json([proposal.record() for proposal in proposals])
    elif out is None and not write:
        _print(proposals, precision)
    if acceptor is not None:
        _note_coverage(report["per_property"], precision or 0.0)


def _check_writing(precision: float | None, known_too: bool, db: str) -> None:
    """Find out before the work begins that it could not be written."""
    from k3m_kg.errors import UsageError
    from k3m_kg.graph.store import GraphStore

    if precision is None:
        raise UsageError(
            "--write needs --precision: it says what is sure enough for the graph",
            hint="for example --precision 0.95",
        )
    if known_too:
        raise UsageError("--write and --all: the graph is given what it lacks, and nothing else")
    GraphStore.open(db).close()


def _write(db: str, artifact: Path, proposals: Iterable[Proposal]) -> dict[str, int]:
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.graph.stored import ProposedTriple

    offered = (
        ProposedTriple(item.product, item.property, item.value, item.probability)
        for item in proposals
    )
    with GraphStore.open(db) as store:
        with store.writing(on_wait=note_waiting) as writer:
            run = writer.propose(str(artifact.resolve()), offered)
        (found,) = (item for item in store.runs() if item.id == run)
    return {"run": run, "triples_added": found.counts.triples_added}


def _proposals(
    opened: OpenModel,
    rows: np.ndarray,
    settings: CompletionSettings,
    precision: float | None,
    parts: int,
    batch_size: int,
    stages: Stages,
) -> tuple[Iterable[Proposal], Acceptor | None]:
    """What is proposed, as it comes, and who counts what is accepted."""
    from k3m_kg.errors import ArtifactError
    from k3m_kg.use.acceptance import Acceptor, thresholds
    from k3m_kg.use.calibration import hint, load_calibration
    from k3m_kg.use.completion import complete as proposals_of
    from k3m_kg.use.explanation import Explainer

    calibration = load_calibration(opened.trained)
    advice = hint(opened.trained)
    if calibration is None and precision is not None:
        raise ArtifactError(
            "not calibrated: it cannot tell how sure is sure enough",
            where=str(opened.trained.path),
            hint=advice,
        )
    if calibration is None:
        note(f"probabilities are not calibrated: {advice}")
    temperature = calibration.temperature if calibration else lambda name: 1.0
    model, batcher = opened.predictor, opened.batcher
    proposals: Iterable[Proposal] = proposals_of(
        model,
        batcher,
        rows,
        settings,
        temperature=temperature,
        batch_size=batch_size,
        progress=lambda count: stages.more("complete", count, len(rows)),
    )
    note_unknown(opened, rows)
    note_verdict(opened)
    acceptor = None
    if calibration is not None and precision is not None:
        acceptor = Acceptor(thresholds(calibration, precision))
        proposals = acceptor(proposals)
    if parts and not opened.trained.sees:
        note("--explain: this model looks products up, so a proposal has no parts")
    if parts:
        explainer = Explainer(
            model,
            batcher,
            sees=opened.trained.sees,
            top=parts,
            temperature=temperature,
            batch_size=batch_size,
        )
        proposals = explainer(proposals)
    return proposals, acceptor


def _note_coverage(accepted: dict[str, dict[str, Any]], precision: float) -> None:
    for name, row in accepted.items():
        if row["threshold"] is None:
            note(f"{name}: nothing, as no threshold reaches {precision:.1%} on validation")
            continue
        together = ", together with other rare properties" if row["pooled"] else ""
        note(
            f"{name}: {row['accepted']:,} of {row['asked']:,} ({row['coverage']:.1%}) from "
            f"{row['threshold']:.1%} on; on validation {row['validation_precision']:.1%} of "
            f"{row['validation_coverage']:.1%} right{together}"
        )


def _print(proposals: Iterable[Proposal], precision: float | None) -> None:
    product, name = None, None
    for item in proposals:
        if item.product != product:
            say(item.product)
        if (item.product, item.property) != (product, name):
            say(f"  {item.property}")
        product, name = item.product, item.property
        say(f"    {item.probability:6.1%}  {item.value}")
        if item.explanation is not None:
            for part in item.explanation.parts:
                say(f"            {-part.drop:+7.1%} without the {_label(part.kind)} {part.text}")
            for kind, left in item.explanation.without.items():
                say(f"            {left:7.1%} with no {kind}")
    if product is None and precision is None:
        note("nothing is missing: `--all` also asks the properties that products have")
