"""`k3m-kg audit`: what in a catalog probably belongs to another product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note,
    print_json,
    progress_bar,
    say,
)
from k3m_kg.cli.proposing import check_queue, decided_by_people, note_queued, queue_for_review
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
    one_of,
    open_with_progress,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from k3m_kg.contracts import Modality
    from k3m_kg.use.audit import Audit
    from k3m_kg.use.open_model import OpenModel


def audit(
    artifact: ArtifactArgument,
    snapshot: SnapshotOption = None,
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="values, titles, images, another modality's name, or all."
        ),
    ] = "all",
    top: Annotated[
        int, typer.Option(min=1, metavar="K", help="So many of each kind, most suspicious first.")
    ] = 20,
    split: SplitOption = "all",
    review: Annotated[
        bool,
        typer.Option(
            "--review", help="Put doubted values into the graph's queue for people to review."
        ),
    ] = False,
    db: DatabaseOption = DEFAULT_DATABASE,
    batch_size: BatchSizeOption = 256,
    device: DeviceOption = "auto",
    dtype: PrecisionOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Find values, titles and pictures that do not fit the rest of their product.

    A value is suspicious where the model, not seeing it, expects another. A title or picture is
    suspicious where it says less about the values of its product than those of other products do.
    Nothing is changed: look, then correct the source, or let people decide with --review.
    """
    if review:
        check_queue(db)
    with progress_bar(disable=as_json) as bar:
        stages = Stages(bar)
        opened = open_with_progress(artifact, snapshot, device, stages, precision=dtype)
        rows = opened.rows(split)
        kinds = _seen_kinds(kind, opened.trained.modalities)

        from k3m_kg.use.audit import Auditor
        from k3m_kg.use.calibration.kept import hint, load_calibration

        calibration = load_calibration(opened.trained)
        auditor = Auditor(
            opened.predictor,
            opened.batcher,
            temperature=calibration.temperature if calibration else lambda name: 1.0,
            batch_size=batch_size,
            ruled_out=decided_by_people(db),
        )

        def one(name: str) -> Audit:
            return auditor.audit(name, rows, top, lambda count: stages.more(name, count, len(rows)))

        found = {name: one(name) for name in kinds}
    if kind == "all" and not {"titles", "images"} <= set(kinds):
        note(f"only {', '.join(kinds)}: the model sees nothing else")
    note_unknown(opened, rows)
    note_verdict(opened)
    if calibration is None:
        note(f"probabilities are not calibrated: {hint(opened.trained)}")
    queued = {}
    if review:
        queued = _queue(db, opened, found)
        note_queued(queued)
    if as_json:
        print_json(
            {
                **queued,
                "snapshot": opened.snapshot.id,
                "calibrated": calibration is not None,
                "judged": {name: item.judged for name, item in found.items()},
                "skipped": {name: item.skipped for name, item in found.items()},
                "findings": [f.record() for item in found.values() for f in item.findings],
            }
        )
    else:
        for name, item in found.items():
            _print(name, item)


def _queue(db: str, opened: OpenModel, found: Mapping[str, Audit]) -> dict[str, int]:
    """Put doubted values into the queue."""
    from k3m_kg.snapshot import CATEGORY
    from k3m_kg.use.queueing import model_name, offered_findings

    findings = [item for one in found.values() for item in one.findings]
    as_triples = opened.snapshot.has_categories
    values = [
        item
        for item in findings
        if item.kind == "value" and not (as_triples and item.property == CATEGORY)
    ]
    if len(values) < len(findings):
        note(
            f"{len(findings) - len(values):,} findings are about titles, pictures or categories, "
            "which are put right in the source: not in the queue"
        )
    return queue_for_review(db, model_name(opened.trained), offered_findings(values))


def _seen_kinds(kind: str, modalities: Mapping[str, Modality]) -> tuple[str, ...]:
    """What can be audited by a model that sees these parts of a product.

    Raises:
        UsageError: it does not see what is to be audited.
    """
    from k3m_kg.errors import UsageError
    from k3m_kg.use.audit import kinds_of

    seen = tuple(kinds_of(modalities))
    if kind == "all":
        return seen
    if kind in ("titles", "images") and kind not in seen:
        raise UsageError(f"this model sees no {kind}", where=f"--kind {kind}")
    one_of("kind", kind, ("all", *seen), "--kind")
    return (kind,)


def _print(name: str, found: Audit) -> None:
    skipped = f", {found.skipped:,} cannot be judged" if found.skipped else ""
    say(f"{name}: the most suspicious of {found.judged:,}{skipped}")
    for item in found.findings:
        what = f"{item.property}: {item.stated} ({item.probability:.1%})"
        instead = f"{item.better} ({item.better_probability:.1%})"
        say(f"  {item.suspicion:7.2f}  {item.product}  {what}, rather {instead}")
        if item.kind == "title":
            say(f"           {item.content}")
