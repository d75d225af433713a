"""`k3m-kg complete`: propose the values that products lack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
    note_written,
    print_proposals,
    queue_for_review,
    write_triples,
)
from k3m_kg.cli.using import (
    ArtifactArgument,
    BatchSizeOption,
    DeviceOption,
    PrecisionOption,
    SnapshotOption,
    SplitOption,
    Stages,
    note_unknown,
    note_verdict,
    open_with_progress,
    share_from,
    sharing,
)
from k3m_kg.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from k3m_kg.graph.stored import ProposedTriple
    from k3m_kg.use.calibration.acceptance import Acceptor
    from k3m_kg.use.completion.completable import Incompletable
    from k3m_kg.use.completion.open_values import OpenValues
    from k3m_kg.use.completion.proposals import Proposal
    from k3m_kg.use.completion.proposing import CompletionSettings
    from k3m_kg.use.open_model import OpenModel

_REASONS = {
    "distinct": "nearly every value is another",
    "text": "values are texts",
    "constant": "nearly constant",
    "few": "too rare",
}
_PROMISED = 0.95
"""The precision at which items of the queue say whether they would be written unasked."""
_NAMED = 4
"""Properties that are named per reason."""


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
            parser=share_from(),
            metavar="SHARE",
            help="Without --property: properties that at least this share of products have.",
        ),
    ] = 0.0,
    every_property: Annotated[
        bool,
        typer.Option(
            "--every-property",
            help="Ask also identifiers, texts and what is nearly constant, as named ones always "
            "are.",
        ),
    ] = False,
    applies: Annotated[
        float,
        typer.Option(
            parser=share_from(),
            metavar="SHARE",
            help="Ask a property of products that it applies to at least this probably; 0: of all.",
        ),
    ] = 0.5,
    top_k: Annotated[
        int, typer.Option(min=1, metavar="K", help="Values per product and property.")
    ] = 5,
    known_too: Annotated[
        bool, typer.Option("--all", help="Also ask what a product has, hiding it first.")
    ] = False,
    precision: Annotated[
        float | None,
        typer.Option(
            parser=share_from(0.01, 0.999),
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
    review: Annotated[
        bool,
        typer.Option(
            "--review", help="Put what is proposed into the graph's queue for people to review."
        ),
    ] = False,
    db: DatabaseOption = DEFAULT_DATABASE,
    batch_size: BatchSizeOption = 256,
    texts: Annotated[
        bool,
        typer.Option(
            "--texts/--no-texts",
            help="Also propose what stands in the product's own texts, seen in training or not, "
            "where `evaluate --task open-values` was run; not with --precision.",
        ),
    ] = True,
    device: DeviceOption = "auto",
    dtype: PrecisionOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Propose values for the properties that products have no triple of.

    Each value comes with the model's score and a probability: that the property applies to the
    product at all, learned from which products state it, times the softmax over all values that
    the property takes in training, calibrated where `evaluate --calibrate` was run.

    With --precision 0.95 only the best value is given, and only where it is as probable as it must
    be for 95 % of what a property gives to be right; what does not apply is wrong. The threshold of
    each property is chosen on validation with 90 % confidence; a property that reaches it nowhere
    gives nothing. Nor is anything written of a property where people's decisions about what this
    model proposed show, with 90 % confidence, that less than that is right.

    Identifiers, texts and what is nearly constant are left out, with a word. What people rejected
    in the graph (--db) is never proposed again. Several processes (torchrun)
    make the file of --out a folder of parts.
    """
    from k3m_kg.use.completion.proposing import CompletionSettings, fillable
    from k3m_kg.use.parts import own_part, own_share
    from k3m_kg.use.tables import check_table, write_table

    if out is not None:
        check_table(out)
        guard(
            "--out", out, db=db if write or review else None, artifact=artifact, snapshot=snapshot
        )
    if (write or review) and known_too:
        raise UsageError(
            f"--{'write' if write else 'review'} and --all: the graph is given what it lacks, "
            "nothing else"
        )
    if write and review:
        raise UsageError("--write or --review: what is written is not asked")
    if write:
        check_writing(precision, db)
    if review:
        check_queue(db)
    best = 1 if precision is not None else top_k
    settings = CompletionSettings(
        tuple(properties or ()),
        min_share,
        every_property,
        best,
        known_too,
        applies,
        ruled_out=decided_by_people(db),
    )
    with sharing() as processes, progress_bar(disable=as_json or not processes.first) as bar:
        if processes.several and (write or review or out is None):
            raise UsageError(
                "several processes write a folder of parts, and nothing else",
                where=f"{processes.size} processes",
                hint="give --out, without --write and --review; or start one process",
            )
        stages = Stages(bar)
        with processes.first_ahead():
            opened = open_with_progress(artifact, snapshot, device, stages, precision=dtype)
        if product and processes.first:
            trained = "which the model was trained on" if snapshot is None else "as --snapshot says"
            note(f"as in the snapshot {opened.snapshot.path}, {trained}, not in the graph of today")
        rows = opened.snapshot.row_of(product) if product else opened.rows(split)
        every, rows = len(rows), own_share(rows, processes)
        if properties:
            fillable(opened.batcher, settings)  # a wrong name is told before the long work
        values = _open_values(opened, precision) if texts else None
        if values is not None:
            settings = replace(settings, open_values=values.scorer.known)
        poor = _not_asked(opened, settings)
        reported = as_json and (write or review or out is not None)
        if not reported and not properties:
            _note_left_out(poor)
        not_asked = _NotAsked()
        proposals, acceptor = _proposals(
            opened,
            rows,
            settings,
            poor,
            precision,
            parts if explain else 0,
            batch_size,
            stages,
            not_asked,
        )
        broken: dict[str, Any] = {}
        if write and acceptor is not None and precision is not None:
            acceptor.thresholds, broken = kept_promises(db, opened, acceptor.thresholds, precision)
        if values is not None:
            proposals = values.merged(proposals, opened.snapshot, settings.top_k)
        if write or review or out is None:
            proposals = list(proposals)
        report: dict[str, Any] = {"products": every}
        report["left_out"] = {name: str(why) for name, why in poor.items()}
        if out is not None:
            with own_part(out, processes) as part:
                count = write_table(
                    part,
                    proposals,
                    explained=explain,
                    placed=values is not None,
                    spreadsheet=not raw,
                )
                report["proposals"] = int(processes.sums({"": count})[""])
            report["file"] = str(out)
        if write:
            report |= write_triples(db, artifact, map(_triple, proposals))
            report["broken_promises"] = broken
        if review:
            report |= _queue(db, opened, proposals, poor)
    if not processes.first:
        return
    if processes.several:
        acceptor = None  # counted its own share alone
    if acceptor is not None:
        report["per_property"] = acceptor.report()
    if not processes.several:
        report["not_asked"] = not_asked.cells
    if reported:
        print_json(report)
        return
    if out is not None:
        note(f"{report['proposals']:,} proposals for {every:,} products in {out}")
    if write:
        note_written(report)
    if review:
        note_queued(report)
    if as_json:
        print_json([proposal.record() for proposal in proposals])
    elif out is None and not write and not review:
        print_proposals(proposals)
        if not proposals and precision is None and not not_asked.cells:
            note("nothing is missing: `--all` also asks the properties that products have")
    if not_asked.cells and not processes.several:
        note(
            f"{not_asked.cells:,} empty cells were not asked, as their property applies to the "
            f"product less probably than {applies:.0%}: --applies"
        )
    if acceptor is not None:
        told = {name: row for name, row in report["per_property"].items() if name not in broken}
        note_coverage(told, precision or 0.0)


@dataclass(slots=True)
class _NotAsked:
    """Counts empty cells whose property probably does not apply."""

    cells: int = 0

    def more(self, count: int) -> None:
        """Of some products."""
        self.cells += count


def _queue(
    db: str, opened: OpenModel, proposals: Iterable[Proposal], poor: dict[str, Incompletable]
) -> dict[str, int]:
    """Put proposals into the queue; what a calibration would promise is said with them."""
    from k3m_kg.use.calibration.acceptance import thresholds
    from k3m_kg.use.calibration.kept import load_calibration
    from k3m_kg.use.queueing import model_name, offered_proposals

    calibration = load_calibration(opened.trained)
    sure = None if calibration is None else thresholds(calibration, _PROMISED, poor)
    offers = offered_proposals(proposals, sure, _PROMISED)
    return queue_for_review(db, model_name(opened.trained), offers)


def _triple(item: Proposal) -> ProposedTriple:
    from k3m_kg.graph.stored import ProposedTriple

    return ProposedTriple(item.product, item.property, item.value, item.probability)


def _proposals(
    opened: OpenModel,
    rows: np.ndarray,
    settings: CompletionSettings,
    not_asked: dict[str, Incompletable],
    precision: float | None,
    parts: int,
    batch_size: int,
    stages: Stages,
    passed_over: _NotAsked,
) -> tuple[Iterable[Proposal], Acceptor | None]:
    """What is proposed, as it comes, and who counts what is accepted."""
    from k3m_kg.errors import ArtifactError
    from k3m_kg.use.calibration.acceptance import Acceptor, thresholds
    from k3m_kg.use.calibration.kept import hint, load_calibration
    from k3m_kg.use.completion.explanation import Explainer
    from k3m_kg.use.completion.lacking import what_applies
    from k3m_kg.use.completion.proposing import complete as proposals_of

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
        applies=what_applies(opened),
        temperature=temperature,
        batch_size=batch_size,
        progress=lambda count: stages.more("complete", count, len(rows)),
        not_asked=passed_over.more,
    )
    note_unknown(opened, rows)
    # What it is worth at telling one property says nothing of others.
    note_verdict(
        opened,
        "link prediction",
        *(f"classification by {name}" for name in settings.properties),
        options="--task link-prediction",
    )
    acceptor = None
    if calibration is not None and precision is not None:
        acceptor = Acceptor(thresholds(calibration, precision, not_asked))
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


def _open_values(opened: OpenModel, precision: float | None) -> OpenValues | None:
    """What reads products' texts, where it was fitted and no precision is promised."""
    from k3m_kg.use.completion.open_values import OpenValues

    values = OpenValues.load(opened.trained.path)
    if values is None or precision is None:
        return values
    note("--precision: of values that stand in texts alone no threshold is proved; left out")
    return None


def _not_asked(opened: OpenModel, settings: CompletionSettings) -> dict[str, Incompletable]:
    """The properties that are left out, by name."""
    from k3m_kg.use.completion.completable import left_out

    catalog = opened.batcher.catalog
    return {
        catalog.properties[name]: why
        for name, why in left_out(catalog).items()
        if catalog.properties[name] not in settings.properties
        and catalog.properties[name] not in settings.open_values
        and not settings.every_property
    }


def _note_left_out(found: dict[str, Incompletable]) -> None:
    for reason, title in _REASONS.items():
        some = [f"{name} ({why})" for name, why in found.items() if why.reason == reason]
        if some:
            rest = f" and {len(some) - _NAMED} more" if len(some) > _NAMED else ""
            note(f"left out, {title}: {'; '.join(some[:_NAMED])}{rest}")
    if found:
        note("`--every-property` asks them all the same, `--property` one of them")
