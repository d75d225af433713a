"""A scripted reviewer on fashion with planted noise: what decisions do for the catalog.

    python -m benchmarks review_loop --work runs/review

Of the catalog's cells 15 % are left out and 5 % of the others get another product's value; what was
there before is what the reviewer knows. A model is trained on that (`k3m-kg pretrain`), proposes
values for what lacks one and doubts what is stated, all of it goes into the queue, and the reviewer
answers through the same desk as people do: in the order of worth (of all, or of what is doubted),
at random, or nothing. Counted
after so many decisions: wrong values left, and what `complete --precision 0.95` fills with them.
What is in `--work` is kept, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._command_line import k3m_kg
from benchmarks._figures import add_out, tell
from benchmarks.audit import FASHION, read, swap_values, write
from benchmarks.fashion_k3m import ROOT
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewItem, ReviewOrder
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.tables import ItemKind
from k3m_kg.use.audit import Finding
from k3m_kg.use.calibration.acceptance import Threshold, threshold, thresholds
from k3m_kg.use.calibration.decided import NOTHING_DECIDED, DecidedProposals
from k3m_kg.use.calibration.kept import calibrate
from k3m_kg.use.completion.proposals import Proposal
from k3m_kg.use.open_model import OpenModel, open_model
from k3m_kg.use.queueing import model_name, offered_findings, offered_proposals

_LEFT_OUT = 0.15
_PRECISION = 0.95
_FINDINGS = 6000
_EMPTY = {"", "NA"}
_ORDERS = {
    "loop": (ReviewOrder.WORTH, None),
    "doubts": (ReviewOrder.WORTH, ItemKind.FINDING),
    "random": (ReviewOrder.RANDOM, None),
}
"""The order, and of which kind: both, or only what is doubted."""
Cell = tuple[str, str]
"""Product and property."""


@dataclass
class Planted:
    """What was done to a catalog.

    Attributes:
        truth: of every cell that had a value, that value.
        missing: cells that were left out.
        wrong: cells with another value than the true one.
    """

    truth: dict[Cell, str]
    missing: set[Cell]
    wrong: set[Cell]


def plant(source: Path, target: Path) -> None:
    """The catalog with noise; its pictures stay where they are."""
    columns, rows = read(source / "styles.csv")
    cells = sorted((row["id"], name) for row in rows for name in FASHION if row[name] not in _EMPTY)
    by_id = {row["id"]: row for row in rows}
    chosen = np.random.default_rng(11).permutation(len(cells))[: round(_LEFT_OUT * len(cells))]
    for place in chosen.tolist():
        product, name = cells[place]
        by_id[product][name] = ""
    swap_values(rows, "id", FASHION, _EMPTY)
    target.mkdir(parents=True, exist_ok=True)
    write(target / "styles.csv", columns, rows)
    if not (target / "images").exists():
        (target / "images").symlink_to(source / "images", target_is_directory=True)


def planted(source: Path, target: Path) -> Planted:
    """What `plant` did, from both catalogs."""
    found = []
    for folder in (source, target):
        _, rows = read(folder / "styles.csv")
        found.append({(row["id"], name): row[name] for row in rows for name in FASHION})
    before, after = found
    truth = {cell: value for cell, value in before.items() if value not in _EMPTY}
    missing = {cell for cell in truth if after[cell] in _EMPTY}
    wrong = {cell for cell in truth if cell not in missing and after[cell] != truth[cell]}
    return Planted(truth, missing, wrong)


def prepare(work: Path, data: Path, minutes: float, threads: int) -> None:
    """Plant, ingest, cut, train, ask."""
    catalog, database = work / "catalog", f"sqlite:///{work / 'g.db'}"
    if not (catalog / "styles.csv").exists():
        plant(data, catalog)
    if not (work / "snap" / "latest").exists():
        mapping = ROOT / "examples" / "fashion" / "mapping.yaml"
        source = ("ingest", catalog / "styles.csv", "--mapping", mapping, "--db", database)
        k3m_kg(*source, threads=threads)
        split = ("--split-file", data / "split.csv", "--holdout", 0)
        k3m_kg("snapshot", "--db", database, *split, work / "snap", threads=threads)
    if not (work / "m0" / "artifact.json").exists():
        trained = ("--output", work / "m0", "--minutes", minutes)
        k3m_kg("pretrain", work / "snap", *trained, threads=threads)
    if not (work / "proposals0.jsonl").exists():
        out = ("--top-k", 3, "--out", work / "proposals0.jsonl", "--db", database)
        k3m_kg("complete", work / "m0", *out, threads=threads)
    if not (work / "audit0.json").exists():
        kind = ("--kind", "values", "--top", _FINDINGS, "--db", database)
        found = k3m_kg("audit", work / "m0", *kind, threads=threads)
        (work / "audit0.json").write_text(json.dumps(found))


def proposed(work: Path, known: Planted) -> list[Proposal]:
    """What completion said of cells whose value the reviewer knows."""
    lines = (work / "proposals0.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    fields = ("product", "property", "value", "score", "probability", "applies")
    found = [Proposal(*(record[key] for key in fields)) for record in records]
    return [one for one in found if (one.product, one.property) in known.missing]


def doubted(work: Path) -> list[Finding]:
    """What the audit doubts."""
    records = json.loads((work / "audit0.json").read_text())["findings"]
    return [Finding(**record) for record in records]


def answer(item: ReviewItem, known: Planted) -> tuple[DecidedAs, str | None]:
    """What somebody says who knows the truth."""
    true = known.truth[item.product, item.property]
    if item.value == true:
        return DecidedAs.ACCEPT, None
    if item.stated == true:
        return DecidedAs.REJECT, None
    return DecidedAs.CORRECT, true


def reviewed(
    desk: ReviewDesk, order: ReviewOrder, kind: ItemKind | None, known: Planted
) -> Iterator[int]:
    """Decide one item after the other; how many so far."""
    for count in range(1, 10**9):
        items = desk.next("script", 1, order=order, kind=kind)
        if not items:
            return
        said, value = answer(items[0], known)
        desk.decide("script", [items[0].id], said, value)
        yield count


def errors_left(store: GraphStore, known: Planted) -> int:
    """Planted errors that the catalog still states."""
    stated: dict[str, set[tuple[str, str]]] = {
        product.id: set(product.triples) for product in store.iter_products()
    }
    return sum(
        any(name == of and value != known.truth[product, of] for name, value in stated[product])
        for product, of in known.wrong
    )


@dataclass
class Filled:
    """What of the cells that were left out has a value afterwards.

    Attributes:
        decided: given by the reviewer; all of it right.
        unasked: given by `complete --precision`, and how many of these are right.
    """

    decided: int
    unasked: int
    right: int


def filled(
    store: GraphStore,
    best: Sequence[Proposal],
    known: Planted,
    thresholds_of: dict[str, Threshold],
) -> Filled:
    """By the reviewer, and by what thresholds let through of the rest."""
    there = {
        (product.id, name)
        for product in store.iter_products()
        for name, _ in product.triples
        if (product.id, name) in known.missing
    }
    given = [
        one
        for one in best
        if (one.product, one.property) not in there
        and one.property in thresholds_of
        and one.probability >= thresholds_of[one.property].probability
    ]
    right = sum(known.truth[one.product, one.property] == one.value for one in given)
    return Filled(len(there), len(given), right)


def arm(
    name: str, budgets: Sequence[int], work: Path, known: Planted, opened: OpenModel, out: Any
) -> None:
    """One order, all budgets one after the other."""
    path = work / f"{name}.db"
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    shutil.copyfile(work / "g.db", path)
    proposals = proposed(work, known)
    best = [next(group) for _, group in groupby(proposals, lambda p: (p.product, p.property))]
    before = thresholds(calibrate(opened), _PRECISION)
    with GraphStore.open(f"sqlite:///{path}") as store:
        desk = ReviewDesk(store, clock=lambda: 0.0, draw=np.random.default_rng(0).random)
        model = model_name(opened.trained)
        desk.add(model, offered_proposals(proposals, before, _PRECISION))
        desk.add(model, offered_findings(doubted(work)))
        marks = sorted({*budgets, *np.linspace(0, max(budgets), 21).astype(int).tolist()})
        asked = reviewed(desk, *_ORDERS[name], known)
        done = 0
        for mark in marks:
            while done < mark:
                done = next(asked)
            figures: dict[str, Any] = {"arm": name, "decisions": mark}
            figures["wrong_left"] = errors_left(store, known)
            if mark in budgets:
                decided = NOTHING_DECIDED
                if mark:
                    decided = DecidedProposals.of(
                        model, desk.shares(model), desk.decided(), desk.judgements()
                    )
                limits = thresholds(calibrate(opened, decided), _PRECISION)
                cells = filled(store, best, known, limits)
                figures |= vars(cells) | {
                    "missing": len(known.missing),
                    "planted": len(known.wrong),
                    "coverage": (cells.decided + cells.unasked) / len(known.missing),
                    "precision": cells.right / cells.unasked if cells.unasked else None,
                    "findings_asked": sum(
                        one.item.kind == ItemKind.FINDING for one in desk.decided()
                    ),
                }
            tell(figures, out)


def again(
    name: str, work: Path, data: Path, known: Planted, minutes: float, threads: int, out: Any
) -> None:
    """Train on what an arm left, and compare what both models say of what is left."""
    database = f"sqlite:///{work / f'{name}.db'}"
    snapshots, artifact = work / f"snap-{name}", work / f"m1-{name}"
    if not (artifact / "artifact.json").exists():
        split = ("--split-file", data / "split.csv", "--holdout", 0)
        k3m_kg("snapshot", "--db", database, *split, snapshots, threads=threads)
        k3m_kg("pretrain", snapshots, "--output", artifact, "--minutes", minutes, threads=threads)
    with GraphStore.open(database) as store:
        products = {product.id: dict(product.triples) for product in store.iter_products()}
    missing = {cell for cell in known.missing if cell[1] not in products[cell[0]]}
    wrong = {
        (product, of)
        for product, of in known.wrong
        if products[product].get(of) not in (None, known.truth[product, of])
    }
    for model in (work / "m0", artifact):
        k3m_kg(
            "evaluate", model, "--calibrate", "--no-baselines", "--db", database, threads=threads
        )
        options = ("--db", database, "--snapshot", snapshots)
        file = work / "again.jsonl"
        file.unlink(missing_ok=True)
        k3m_kg("complete", model, "--top-k", 1, "--out", file, *options, threads=threads)
        best = {
            (one["product"], one["property"]): one["value"]
            for one in map(json.loads, file.read_text(encoding="utf-8").splitlines())
        }
        file.unlink()
        sure = ("--precision", _PRECISION, "--out", file)
        k3m_kg("complete", model, *sure, *options, threads=threads)
        given = {
            (one["product"], one["property"]): one["value"]
            for one in map(json.loads, file.read_text(encoding="utf-8").splitlines())
        }
        kind = ("--kind", "values", "--top", len(wrong))
        found = k3m_kg("audit", model, *kind, *options, threads=threads)["findings"]
        hits = {(one["product"], one["property"]) for one in found} & wrong
        filled_in = missing & given.keys()
        tell(
            {
                "again": name,
                "model": model.name,
                "missing_left": len(missing),
                "right_of_missing": sum(best.get(c) == known.truth[c] for c in missing)
                / len(missing),
                "filled": len(filled_in) / len(missing),
                "right_of_filled": sum(given[c] == known.truth[c] for c in filled_in)
                / max(1, len(filled_in)),
                "wrong_left": len(wrong),
                "found_at_as_many": len(hits) / len(wrong),
            },
            out,
        )


def promises(work: Path, known: Planted, opened: OpenModel, out: Any) -> None:
    """Thresholds from noisy validation answers, with and without decisions about them, on test."""
    from k3m_kg.snapshot.validation_parts import PROOF
    from k3m_kg.use.calibration.answers import known_answers
    from k3m_kg.use.calibration.kept import validation_parts

    parts, ids = validation_parts(opened), opened.snapshot.ids
    tables: dict[str, dict[str, tuple[np.ndarray, ...]]] = {}
    for split in ("validation", "test"):
        tables[split] = {}
        for part in known_answers(opened.predictor, opened.batcher, split):
            candidates = opened.batcher.catalog.candidates[
                opened.batcher.catalog.properties.index(part.name)
            ]
            log_QC = part.scores_QC.double().log_softmax(1)
            top = log_QC.max(1)
            stated_Q = log_QC.masked_fill(~part.right_QC, -50.0).max(1).values
            true_Q = np.array(
                [
                    opened.batcher.catalog.values[int(candidates[at])]
                    == known.truth[ids[row], part.name]
                    for at, row in zip(top.indices.tolist(), part.rows_Q.tolist(), strict=True)
                ]
            )
            agrees_Q = part.right_QC.gather(1, top.indices[:, None])[:, 0].numpy()
            proof_Q = (
                parts.fold(part.rows_Q) == PROOF
                if split == "validation"
                else np.ones(len(part), bool)
            )
            suspicion_Q = (top.values - stated_Q).numpy()
            tables[split][part.name] = tuple(
                column[proof_Q]
                for column in (top.values.exp().numpy(), agrees_Q, true_Q, suspicion_Q)
            )
    doubts = sorted(
        (-float(suspicion[place]), name, place)
        for name, (_, agrees, _, suspicion) in tables["validation"].items()
        for place in np.flatnonzero(~agrees).tolist()
    )
    for precision in (0.9, 0.95):
        for budget in (0, 100, 200, 400):
            said = {name: table[1].copy() for name, table in tables["validation"].items()}
            for _, name, place in doubts[:budget]:
                said[name][place] = tables["validation"][name][2][place]
            given = np.zeros(4, int)
            for name, (probability, agrees, true, _) in tables["test"].items():
                found = threshold(tables["validation"][name][0], said[name], precision)
                sure = probability >= found.probability
                given += (len(sure), sure.sum(), true[sure].sum(), agrees[sure].sum())
            asked, accepted, right, agree = given.tolist()
            tell(
                {
                    "wanted": precision,
                    "decisions": budget,
                    "coverage": accepted / asked,
                    "right": right / accepted if accepted else None,
                    "agrees": agree / accepted if accepted else None,
                },
                out,
            )


def draw(figures: Path, target: Path) -> None:
    """Wrong values left over decisions, a line for each order."""
    from matplotlib import rcParams
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    rcParams["svg.hashsalt"] = "review-loop"
    lines = [json.loads(line) for line in figures.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    colours = {"random": "#9aa3ad", "loop": "#1f5fa8", "doubts": "#d9772b"}
    for name, colour in colours.items():
        rows = {row["decisions"]: row["wrong_left"] for row in lines if row.get("arm") == name}
        label = {"loop": "by worth", "doubts": "only doubts, by worth", "random": "at random"}[name]
        axes.plot(list(rows), list(rows.values()), color=colour, marker="o", ms=3, label=label)
    axes.set(xlabel="decisions", ylabel="wrong values left", ylim=(0, None))
    axes.legend(frameon=False, loc="lower left")
    figure.savefig(target, format="svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted reviewer on planted noise.")
    parser.add_argument("--work", type=Path, default=Path("runs/review"))
    parser.add_argument("--budgets", type=int, nargs="+", default=[0, 200, 1000])
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--arms", nargs="+", choices=sorted(_ORDERS), default=sorted(_ORDERS))
    parser.add_argument("--again", choices=sorted(_ORDERS), help="only: train on what it left")
    parser.add_argument("--promises", action="store_true", help="only the table of promises")
    parser.add_argument("--draw", type=Path, metavar="SVG", help="only: what --out has, as a plot")
    add_out(parser)
    options = parser.parse_args()
    if options.draw:
        draw(options.out, options.draw)
        return
    data = Path(os.environ.get("K3M_KG_DATA", ROOT.parent / "shared" / "data")) / "fashion"
    work = options.work.resolve()
    prepare(work, data, options.minutes, options.threads)
    known = planted(data, work / "catalog")
    if options.again:
        again(options.again, work, data, known, options.minutes, options.threads, options.out)
        return
    opened = open_model(work / "m0", None, device="cpu")
    promises(work, known, opened, options.out)
    for name in [] if options.promises else options.arms:
        arm(name, options.budgets, work, known, opened, options.out)


if __name__ == "__main__":
    main()
