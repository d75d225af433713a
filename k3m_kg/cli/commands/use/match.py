"""`k3m-kg match`: pairs of products that are one."""

from __future__ import annotations

from itertools import islice
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
    say,
)
from k3m_kg.cli.outputs import guard
from k3m_kg.cli.proposing import write_run
from k3m_kg.cli.using import (
    ArtifactArgument,
    BatchSizeOption,
    DeviceOption,
    PrecisionOption,
    SnapshotOption,
    Stages,
    VectorsOption,
    kept_with_progress,
    note_unknown,
    open_with_progress,
    share_from,
)
from k3m_kg.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np

    from k3m_kg.graph.stored import ProposedTriple
    from k3m_kg.matching.finding import MatchedPair
    from k3m_kg.matching.known import KnownPairs
    from k3m_kg.matching.pair_model import PairModel
    from k3m_kg.matching.pair_view import ComparedProducts
    from k3m_kg.use.open_model import OpenModel

_USUAL = 0.5


def match(
    artifact: ArtifactArgument,
    pairs: Annotated[
        Path | None,
        typer.Option(
            "--pairs",
            metavar="FILE",
            help="Known pairs to learn from: two ids and 1 or 0 a line, or right ones only.",
        ),
    ] = None,
    links: Annotated[
        list[str] | None,
        typer.Option(
            "--links",
            metavar="NAME",
            help="A property whose links say that two products are one; may be repeated.",
        ),
    ] = None,
    probability: Annotated[
        float | None,
        typer.Option(
            "--probability",
            parser=share_from(),
            metavar="P",
            help="Only pairs that are one with at least this probability; default 0.5.",
        ),
    ] = None,
    each: Annotated[
        int,
        typer.Option(
            "--each",
            min=1,
            max=1000,
            metavar="K",
            help="Look at so many of the nearest products of each, and as many that share words.",
        ),
    ] = 10,
    top: Annotated[
        int, typer.Option(min=1, metavar="K", help="Print so many pairs, the surest first.")
    ] = 100,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write all to .csv, .jsonl or .parquet."),
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Write the pairs as links into the graph, as one run."),
    ] = False,
    link_as: Annotated[
        str, typer.Option("--as", metavar="NAME", help="The property of the links.")
    ] = "same product as",
    db: DatabaseOption = DEFAULT_DATABASE,
    snapshot: SnapshotOption = None,
    vectors: VectorsOption = None,
    batch_size: BatchSizeOption = 256,
    device: DeviceOption = "auto",
    dtype: PrecisionOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Find products that are the same one, such as duplicates, with probabilities.

    What is known of pairs (--pairs, --links) teaches what tells them apart, and calibrates it;
    without any, they are ordered by likeness. With --write the pairs are a run, which `k3m-kg undo`
    takes back.
    """
    guard("--out", out, db=db, artifact=artifact, snapshot=snapshot, files=[("the pairs", pairs)])
    guard("--vectors", vectors, db=db, artifact=artifact, snapshot=snapshot)
    if pairs is not None and links:
        raise UsageError("--pairs and --links: name one kind of known pairs")
    if write:
        _check_writing(probability, db)
    least = _USUAL if probability is None else probability
    from k3m_kg.matching.blocking import Blocking
    from k3m_kg.matching.finding import matched, probabilities
    from k3m_kg.matching.pair_view import ComparedProducts
    from k3m_kg.use.tables import check_table

    if out is not None:
        check_table(out)
    with progress_bar(disable=as_json) as bar:
        stages = Stages(bar)
        opened = open_with_progress(
            artifact, snapshot, device, stages, precision=dtype, ranks=False
        )
        kept = kept_with_progress(opened, vectors, stages, batch_size)
        count = len(opened.snapshot)
        candidates = Blocking(kept).every(
            each, lambda more: stages.more("find candidates", more, 2 * count)
        )
        compared = ComparedProducts(opened, kept, stages.total)
        model, known = _model(opened, compared, candidates, pairs, links or [])
        sure = probabilities(
            compared, model, candidates, lambda more: stages.more("compare", more, len(candidates))
        )
        asked = None if known is None else _of_test(compared, model, known)
    note_unknown(opened, opened.rows())
    found = int((sure >= least).sum())

    def every() -> Iterator[MatchedPair]:
        return matched(opened.snapshot, candidates, sure, least)

    report: dict[str, Any] = {
        "snapshot": opened.snapshot.id,
        "candidates": len(candidates),
        "matched": found,
        "learned_from": None if known is None else known.source,
        "model": model.name,
        "calibrated": model.calibrated,
        "unseen": None if model.figures is None else model.figures.record(),
        "test": asked,
    }
    _note_model(report, known)
    if out is not None:
        _to_file(out, every())
    if write:
        report |= write_run(db, artifact, _links(every(), link_as))
        note(f"{report['triples_added']:,} links by {link_as!r}: `k3m-kg undo {report['run']}`")
    if as_json:
        shown = [] if out is not None else [one.record() for one in every()]
        print_json(report | {"pairs": shown})
        return
    how = "one with" if model.calibrated else "alike by"
    note(f"{found:,} of {len(candidates):,} candidates are {how} at least {least:.0%}")
    for one in islice(every(), top) if out is None else ():
        say(f"{one.probability:6.1%}  {one.product}  {one.same_as}")
        say(f"        {one.title or ''}  |  {one.same_title or ''}")


def _check_writing(probability: float | None, db: str) -> None:
    from k3m_kg.graph.store import GraphStore

    if probability is None:
        raise UsageError(
            "--write needs --probability: it says what is sure enough for the graph",
            hint="for example --probability 0.95",
        )
    GraphStore.open(db).close()


def _model(
    opened: OpenModel,
    compared: ComparedProducts,
    candidates: np.ndarray,
    pairs: Path | None,
    links: list[str],
) -> tuple[PairModel, KnownPairs | None]:
    """What tells pairs apart, and what it was learned from."""
    from k3m_kg.matching.known import pairs_of_file, pairs_of_links
    from k3m_kg.matching.pair_model import learned, unlearned

    if pairs is None and not links:
        return unlearned(), None
    if pairs is not None:
        known = pairs_of_file(opened.snapshot, pairs, candidates)
    else:
        known = pairs_of_links(opened.snapshot, links, candidates)
    train = known.train
    features = compared(train.left, train.right)
    return learned(features, train.same, train.families), known


def _of_test(
    compared: ComparedProducts, model: PairModel, known: KnownPairs
) -> dict[str, Any] | None:
    """What the model says of the pairs of a split `test`, which it has not seen."""
    from k3m_kg.matching.pair_model import figures_of

    if not len(known.test) or model.figures is None:
        return None
    sure = model.probabilities(compared(known.test.left, known.test.right))
    return figures_of(sure, known.test.same, model.figures.best_level).record()


def _note_model(report: dict[str, Any], known: KnownPairs | None) -> None:
    if known is None:
        note(
            f"in place of probabilities: {report['model']}; --pairs FILE or --links NAME says "
            "which pairs are known"
        )
        return
    for text in known.notes:
        note(text)
    for what, figures in (("pairs it had not seen", report["unseen"]), ("test", report["test"])):
        if figures is not None:
            note(
                f"{report['model']} on {report['learned_from']}; {figures['pairs']:,} {what} "
                f"({figures['same']:,} the same): precision {figures['precision']:.1%}, recall "
                f"{figures['recall']:.1%}, F1 {figures['f1']:.1%} from {figures['level']:.0%} on; "
                f"probabilities are {figures['calibration_error']:.1%} off in the mean"
            )


def _links(found: Iterable[MatchedPair], name: str) -> Iterator[ProposedTriple]:
    from k3m_kg.graph.stored import ProposedTriple

    for one in found:
        yield ProposedTriple(one.product, name, one.same_as, one.probability, link=True)


def _to_file(out: Path, found: Iterable[MatchedPair]) -> None:
    import pyarrow as pa

    from k3m_kg.use.tables import write_records

    texts = ("product", "same_as", "title", "same_title")
    fields = [(name, pa.string()) for name in texts]
    fields.insert(2, ("probability", pa.float32()))
    count = write_records(out, (one.record() for one in found), pa.schema(fields))
    note(f"{count:,} pairs in {out}")
