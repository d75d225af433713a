"""`k3m-kg classify`: the category of products that lack one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note,
    print_json,
    progress_bar,
)
from k3m_kg.cli.outputs import guard
from k3m_kg.cli.proposing import (
    check_queue,
    check_writing,
    decided_by_people,
    kept_promises,
    note_coverage,
    note_queued,
    print_proposals,
    queue_for_review,
    write_run,
)
from k3m_kg.cli.using import (
    ArtifactArgument,
    BatchSizeOption,
    DeviceOption,
    PrecisionOption,
    SnapshotOption,
    SplitOption,
    Stages,
    note_verdict,
    open_with_progress,
    share_from,
)
from k3m_kg.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from k3m_kg.graph.stored import ProposedCategory
    from k3m_kg.use.completion.proposals import Proposal
    from k3m_kg.use.open_model import OpenModel


def classify(
    artifact: ArtifactArgument,
    snapshot: SnapshotOption = None,
    product: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID", help="Only this product; repeatable. [default: all without a category]"
        ),
    ] = None,
    top_k: Annotated[int, typer.Option(min=1, metavar="K", help="Categories per product.")] = 3,
    precision: Annotated[
        float | None,
        typer.Option(
            parser=share_from(0.01, 0.999),
            metavar="SHARE",
            help="Only what is sure enough for this precision.",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Say what is left of a probability without triples, title, picture."
        ),
    ] = False,
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
    review: Annotated[
        bool,
        typer.Option(
            "--review", help="Put what is proposed into the graph's queue for people to review."
        ),
    ] = False,
    db: DatabaseOption = DEFAULT_DATABASE,
    batch_size: BatchSizeOption = 256,
    device: DeviceOption = "auto",
    dtype: PrecisionOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Propose the category of products that lack one.

    Link prediction ranks the categories of training, or a logistic regression on the model's
    product vectors tells them, whichever is right more often on one part of validation, on which
    probabilities are calibrated too.

    With --precision 0.95 only the best category is given, and only where it is as probable as it
    must be for 95 % of what is given to be right. The threshold is proved on the other part of
    validation with 90 % confidence. Products that have a category are left alone.
    """
    from k3m_kg.use.tables import check_table, write_table

    if out is not None:
        check_table(out)
        guard(
            "--out", out, db=db if write or review else None, artifact=artifact, snapshot=snapshot
        )
    if write and review:
        raise UsageError("--write or --review: what is written is not asked")
    if write:
        check_writing(precision, db)
    if review:
        check_queue(db)
    with progress_bar(disable=as_json) as bar:
        stages = Stages(bar)
        opened = open_with_progress(
            artifact, snapshot, device, stages, precision=dtype, ranks=False
        )
        rows = _lacking(opened, product, split)
        found, coverage, broken = _proposals(
            opened,
            rows,
            precision,
            top_k,
            db=db,
            write=write,
            explain=explain,
            batch_size=batch_size,
            stages=stages,
        )
        report: dict[str, Any] = {"products": len(rows)}
        if out is not None:
            report["proposals"] = write_table(out, found, explained=explain, spreadsheet=not raw)
            report["file"] = str(out)
        if write:
            run = write_run(db, artifact, map(_category, found))
            report |= {"run": run["run"], "categories_added": run["products_updated"]}
            report["broken_promises"] = broken
        if review:
            from k3m_kg.use.queueing import model_name, offered_proposals

            offers = offered_proposals(found, of_category=True)
            report |= queue_for_review(db, model_name(opened.trained), offers)
    report["per_property"] = coverage
    if out is not None:
        note(f"{report['proposals']:,} proposals for {len(rows):,} products in {out}")
    if write:
        note(f"{report['categories_added']:,} categories written as run {report['run']}")
    if review:
        note_queued(report)
    if as_json and (write or review or out is not None):
        print_json(report)
    elif as_json:
        print_json([proposal.record() for proposal in found])
    elif out is None and not write and not review:
        print_proposals(found)
    if precision is not None and not broken:
        note_coverage(coverage, precision)


def _lacking(opened: OpenModel, product: list[str] | None, split: str) -> np.ndarray:
    """The rows that are asked about."""
    from k3m_kg.use.classifying import without_category

    asked = opened.snapshot.row_of(product) if product else opened.rows(split)
    rows = without_category(opened.snapshot, asked)
    if len(rows) < len(asked):
        note(f"{len(asked) - len(rows):,} of {len(asked):,} products have a category: left alone")
    return rows


def _proposals(
    opened: OpenModel,
    rows: np.ndarray,
    precision: float | None,
    top_k: int,
    *,
    db: str,
    write: bool,
    explain: bool,
    batch_size: int,
    stages: Stages,
) -> tuple[list[Proposal], dict[str, dict[str, Any]], dict[str, Any]]:
    """What is proposed, how much a precision lets through, and which promises are broken.

    Before anything is written, what people decided is asked whether the precision holds.
    """
    from k3m_kg.use.calibration.acceptance import Acceptor, thresholds
    from k3m_kg.use.classifying import Classifier

    classifier = Classifier.fit(opened, batch_size=batch_size, progress=stages.more)
    note(
        f"{len(classifier.names):,} categories, learned from {classifier.examples:,} products; "
        f"probabilities from {classifier.calibration.fitting.products:,} of validation, proved on "
        f"{classifier.calibration.proof.products:,}"
    )
    options = "--task classification --target category"
    note_verdict(opened, "classification by category", options=options)
    proposals = classifier.classify(
        opened,
        rows,
        top_k=1 if precision is not None else top_k,
        explain=explain,
        batch_size=batch_size,
        progress=stages.more,
        ruled_out=decided_by_people(db),
    )
    if precision is None:
        return list(proposals), {}, {}
    wanted = thresholds(classifier.calibration, precision)
    broken: dict[str, Any] = {}
    if write:
        wanted, broken = kept_promises(db, opened, wanted, precision)
    acceptor = Acceptor(wanted)
    accepted = list(acceptor(proposals))
    return accepted, acceptor.report(), broken


def _category(item: Proposal) -> ProposedCategory:
    from k3m_kg.graph.stored import ProposedCategory

    return ProposedCategory(item.product, item.value, item.probability)
