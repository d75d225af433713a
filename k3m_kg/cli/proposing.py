"""What the commands that propose share: writing into the graph, printing, what thresholds gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k3m_kg.cli.console import error_text, note, note_waiting, say, visible_line
from k3m_kg.errors import UsageError

if TYPE_CHECKING:
    from k3m_kg.graph.reviewing.items import ReviewOffer
    from k3m_kg.graph.stored import ProposedCategory, ProposedTriple
    from k3m_kg.use.calibration.acceptance import Threshold
    from k3m_kg.use.completion.proposals import Proposal
    from k3m_kg.use.completion.ruled_out import RuledOut
    from k3m_kg.use.open_model import OpenModel

_MOST_NAMED = 5
"""Properties of which nothing else is said than that there is nothing."""
_LABELS = {"triple": "triple", "title": "word", "image": "region"}


def check_writing(precision: float | None, db: str) -> None:
    """Find out before the work begins that it could not be written."""
    from k3m_kg.graph.store import GraphStore

    if precision is None:
        raise UsageError(
            "--write needs --precision: it says what is sure enough for the graph",
            hint="for example --precision 0.95",
        )
    GraphStore.open(db).close()


def write_run(
    db: str, artifact: Path, offered: Iterable[ProposedTriple | ProposedCategory]
) -> dict[str, int]:
    """Write proposals into the graph as one run: its number and what it changed."""
    from k3m_kg.graph.store import GraphStore

    with GraphStore.open(db) as store:
        with store.writing(on_wait=note_waiting) as writer:
            run = writer.propose(str(artifact.resolve()), offered)
        counts = store.run(run).counts
    return {
        "run": run,
        "triples_added": counts.triples_added,
        "products_updated": counts.products_updated,
    }


_NOT_WRITTEN = {
    "there": "{:,} are there already",
    "stated": "of {:,} a source states the property in the graph, if only as a placeholder such as "
    "n/a: `--review` asks people about those",
    "rejected": "{:,} were rejected by people",
    "answered": "of {:,} people said another value",
}


class _NothingNewError(Exception):
    """Ends the transaction of a run that would hold nothing."""


def write_triples(db: str, artifact: Path, offered: Iterable[ProposedTriple]) -> dict[str, Any]:
    """Write proposed triples as `write_run` does, and count those that add nothing, by why.

    Where none adds anything there is no run: its number is None.
    """
    from k3m_kg.graph.store import GraphStore

    left: Counter[str] = Counter()
    items = list(offered)
    report: dict[str, Any] = {"run": None, "triples_added": 0, "products_updated": 0}
    with GraphStore.open(db) as store:
        try:
            with store.writing(on_wait=note_waiting) as writer:
                run = writer.propose(str(artifact.resolve()), items, left)
                if left.total() == len(items):
                    raise _NothingNewError
        except _NothingNewError:
            return report | {"not_written": dict(left)}
        counts = store.run(run).counts
    return {
        "run": run,
        "triples_added": counts.triples_added,
        "products_updated": counts.products_updated,
        "not_written": dict(left),
    }


def note_written(report: dict[str, Any]) -> None:
    """Say what was written, and why the rest was not."""
    run = report["run"]
    as_run = "no run" if run is None else f"as run {run}"
    comma = "; " if run is None else " "
    told = [
        line.format(n)
        for why, line in _NOT_WRITTEN.items()
        if (n := report["not_written"].get(why))
    ]
    note("; ".join([f"{report['triples_added']:,} triples written{comma}{as_run}", *told]))


def decided_by_people(db: str) -> RuledOut:
    """What people decided in the graph, where there is one."""
    from k3m_kg.errors import GraphError
    from k3m_kg.graph.reviewing.desk import ReviewDesk
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.use.completion.ruled_out import NOTHING_RULED_OUT, RuledOut

    try:
        if not GraphStore.exists(db):
            return NOTHING_RULED_OUT
        with GraphStore.open(db) as store:
            return RuledOut.of(ReviewDesk(store).judgements())
    except GraphError as error:
        note(f"what people decided is not known: {error_text(error)}")
        return NOTHING_RULED_OUT


def check_queue(db: str) -> None:
    """Find out before the work begins that there is no graph to put a queue into."""
    from k3m_kg.graph.store import GraphStore

    GraphStore.open(db).close()


def queue_for_review(db: str, model: str, offers: Iterable[ReviewOffer]) -> dict[str, int]:
    """Put offers into the queue of the graph: what became of them."""
    from k3m_kg.graph.reviewing.desk import ReviewDesk
    from k3m_kg.graph.store import GraphStore

    with GraphStore.open(db) as store:
        found = ReviewDesk(store).add(model, offers)
    return {
        "review_added": found.added,
        "review_renewed": found.renewed,
        "review_decided": found.decided,
        "review_stated": found.stated,
        "review_placeholders": found.unsaid,
        "review_written": found.written,
    }


def note_queued(report: dict[str, Any]) -> None:
    """Say what became of what was put into the queue."""
    rest = ""
    if report["review_decided"]:
        rest += f"; {report['review_decided']:,} people have answered already"
    if report["review_stated"]:
        rest += f"; {report['review_stated']:,} are answered by what the graph's sources state"
    note(
        f"{report['review_added']:,} new items to review, {report['review_renewed']:,} renewed"
        f"{rest}: `k3m-kg serve` shows them under /review"
    )
    if report["review_placeholders"]:
        note(
            f"of these {report['review_placeholders']:,} have a placeholder there, such as n/a: "
            "what is accepted takes its place"
        )
    if report["review_written"]:
        note(
            f"of these {report['review_written']:,} are in the graph already, as a run of a model "
            "wrote them: accepting keeps them, rejecting takes them back"
        )


def kept_promises(
    db: str, opened: OpenModel, thresholds: dict[str, Threshold], precision: float
) -> tuple[dict[str, Threshold], dict[str, Any]]:
    """The thresholds of which decisions do not show that they promise too much.

    Returns:
        Them, and what was found of the others, by property.
    """
    from k3m_kg.graph.reviewing.desk import ReviewDesk
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.quality.promises import judged_promises
    from k3m_kg.use.queueing import model_name

    with GraphStore.open(db) as store:
        shares = ReviewDesk(store).shares(model_name(opened.trained))
    together = {name for name, one in thresholds.items() if one.pooled}
    found = judged_promises(
        [
            share
            for share in shares
            if share.property in thresholds
            and share.probability >= thresholds[share.property].probability
        ],
        precision,
        lambda name: "" if name in together else name,
    )
    broken = {
        name: found[group]
        for name in thresholds
        if (group := "" if name in together else name) in found and found[group].broken
    }
    for name, promise in broken.items():
        note(f"{name}: nothing is written: {promise.line()}")
    left = {name: one for name, one in thresholds.items() if name not in broken}
    return left, {name: promise.record() for name, promise in broken.items()}


def note_coverage(accepted: dict[str, dict[str, Any]], precision: float) -> None:
    """Say of each property how much a wanted precision lets through; of none, once for all."""
    without = [name for name, row in accepted.items() if row["threshold"] is None]
    if without:
        some = ", ".join(visible_line(name) for name in without[:_MOST_NAMED])
        more = f" and {len(without) - _MOST_NAMED:,} more" if len(without) > _MOST_NAMED else ""
        note(f"{some}{more}: nothing, as no threshold reaches {precision:.1%} on validation")
    for name, row in accepted.items():
        if row["threshold"] is None:
            continue
        together = ", together with other rare properties" if row["pooled"] else ""
        proofs = []
        if row["validation_precision"] is not None:
            proofs.append(
                f"on validation it lets {row['validation_coverage']:.1%} of the answers through, "
                f"{row['validation_precision']:.1%} of them right"
            )
        if row["decided"]:
            proofs.append(
                f"of {row['decided']:,} that people decided {row['decided_precision']:.1%} in "
                "proportion"
            )
        both = f"; both together prove {precision:.1%}" if len(proofs) > 1 else ""
        note(
            f"{name}: {row['accepted']:,} of {row['asked']:,} ({row['coverage']:.1%}) from "
            f"{row['threshold']:.1%} on; {', '.join(proofs)}{both}{together}"
        )


def _where(item: Proposal) -> str:
    """Where a value stands in the product's texts, and whether it is a new one."""
    if item.place is None:
        return ""
    new = ", unseen in training" if item.open else ""
    return f"  ({item.place.source} {item.place.start}-{item.place.end}{new})"


def print_proposals(proposals: Iterable[Proposal]) -> None:
    """Product after product, property after property, the best value first."""
    product, name = None, None
    for item in proposals:
        if item.product != product:
            say(item.product)
        if (item.product, item.property) != (product, name):
            say(f"  {item.property}")
        product, name = item.product, item.property
        say(f"    {item.probability:6.1%}  {item.value}{_where(item)}")
        if item.explanation is not None:
            for part in item.explanation.parts:
                kind = _LABELS.get(part.kind, f"{part.kind} part")
                say(f"            {-part.drop:+7.1%} without the {kind} {part.text}")
            for kind, left in item.explanation.without.items():
                say(f"            {left:7.1%} with no {kind}")
