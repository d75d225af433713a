"""The page of a trained model, as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from k3m_kg import __version__
from k3m_kg.contracts import Verdict
from k3m_kg.evaluation.baselines.competitors import MAJORITY, called
from k3m_kg.pages.cards import cards
from k3m_kg.pages.html import best, document, figure, table, text, tiles
from k3m_kg.report.examples import example_card, finding_card
from k3m_kg.report.findings import Findings
from k3m_kg.report.plots import Series, plot_properties, plot_training
from k3m_kg.use.audit import Audit

_PLOTTED = 25
_ROWS = 300
_MODEL = "this model"
_OUTCOMES = {"ahead": "is ahead of", "level": "is level with", "behind": "is behind"}


def report_page(found: Findings) -> str:
    """The page; what could not be found out is said in its place."""
    name = found.opened.trained.path.resolve().name
    sections = (
        _head(name, found),
        _properties(found),
        _category(found),
        _fills(found),
        _calibration(found),
        _examples(found),
        _mistakes(found),
        _audits(found),
        _training(found),
        _next(found),
    )
    return document(f"{name}: what this model is worth", sections)


def _head(name: str, found: Findings) -> str:
    reports = [report for report in (found.links, found.categories) if report is not None]
    verdicts = [Verdict(**report["verdict"]) for report in reports if "verdict" in report]
    lead = "".join(f"<p class=lead>{_verdict(verdict)}</p>" for verdict in verdicts)
    metrics, baselines = found.links["metrics"], found.links.get("baselines", {})
    shown = {"true value ranked first, mean over properties": _percent(metrics["macro_hits@1"])}
    if baselines:
        top = max(baselines, key=lambda one: baselines[one]["macro_hits@1"])
        shown[f"{called(top)}"] = _percent(baselines[top]["macro_hits@1"])
    shown["the majority"] = _percent(metrics["majority_macro_hits@1"])
    if found.categories is not None:
        shown["categories right"] = _percent(found.categories["metrics"]["accuracy"])
    notes = [*dict.fromkeys(note for one in reports for note in one.get("baseline_notes", ()))]
    said = "".join(f"<p class=note>{text(note, 400)}</p>" for note in [*notes, *found.notes])
    split = found.settings.split
    return (
        f"<h1>What {text(name)} is worth</h1>{lead}{tiles(shown)}"
        f"<p class=note>{metrics['questions']:,} values of {found.links['products']:,} {split} "
        f"products, which training never saw, each hidden in turn"
        f"{', its words cut out of the title' if found.links['cut_title'] else ''}. "
        f"{metrics['unseen']:,} of them never occur in training: nobody can be right there. "
        f"Linear models are asked the same and shown the same.</p>{said}"
    )


def _verdict(verdict: Verdict) -> str:
    line = (
        f"{verdict.what}: this model {_OUTCOMES[verdict.outcome]} {verdict.against}, "
        f"{_percent(verdict.model)} against {_percent(verdict.competitor)} (95 % interval of the "
        f"difference {100 * verdict.low:+.1f} to {100 * verdict.high:+.1f} points)."
    )
    kind = ' class="wrong"' if verdict.outcome == "behind" else ""
    return f"<span{kind}>{escape(line[0].upper() + line[1:])}</span>"


def _properties(found: Findings) -> str:
    rows = found.links["per_property"]
    if not rows:
        return ""
    linear = [name for name in found.links.get("baselines", {}) if name != MAJORITY]
    order = sorted(rows, key=lambda name: -rows[name]["questions"])
    plotted = order[:_PLOTTED]

    def percent(pick: Any) -> list[float]:
        return [100 * pick(rows[name]) for name in plotted]

    series = [Series("majority", percent(lambda row: row["majority_hits@1"]), "floor")]
    if linear:
        top = [
            100 * max(rows[name]["baselines"][other]["hits@1"] for other in linear)
            for name in plotted
        ]
        series.append(Series("best linear model", top, "other"))
    series.append(Series(_MODEL, percent(lambda row: row["hits@1"]), "model"))
    plot = plot_properties(plotted, series, "the true value is ranked first (%)")
    caption = f"The {len(plotted)} properties that are asked most."
    body = [_property(number, name, rows[name], linear) for number, name in enumerate(order, 1)]
    more = len(body) - _ROWS
    head = ("no.", "|property", "asked", "values", "majority", *linear, _MODEL, "among 3")
    return (
        f"<h2>Quality per property</h2>{figure(plot, caption)}"
        + table(*head, rows=body[:_ROWS])
        + "<p class=note>In %, how often the true value is ranked first, and by this model among "
        "the first three. Blue: the best of the row.</p>"
        + (f"<p class=note>and {more:,} more: <code>evaluate --json</code></p>" * (more > 0))
    )


def _property(number: int, name: str, row: dict[str, Any], linear: Sequence[str]) -> list[str]:
    others = [row["baselines"][other]["hits@1"] for other in linear]
    figures = [row["majority_hits@1"], *others, row["hits@1"]]
    return [
        f"{number}",
        text(name),
        f"{row['questions']:,}",
        f"{row['candidates']:,}",
        *(best(f"{100 * value:.1f}", value == max(figures)) for value in figures),
        f"{100 * row['hits@3']:.1f}",
    ]


def _category(found: Findings) -> str:
    report = found.categories
    if report is None:
        return ""
    metrics = report["metrics"]
    rows = [(called(name), row) for name, row in report.get("baselines", {}).items()]
    rows.append((_MODEL, metrics))
    first = max(row["accuracy"] for _, row in rows)
    body = [
        (
            name,
            best(f"{100 * row['accuracy']:.1f}", row["accuracy"] == first),
            f"{100 * row['macro_f1']:.1f}",
        )
        for name, row in rows
    ]
    return (
        f"<h2>The category</h2><p>{metrics['classes']:,} categories told apart on "
        f"{metrics['products']:,} products, by a linear model on this model’s product vectors. "
        "<code>k3m-kg classify</code> gives one to products that lack it.</p>"
        + table("|who", "right (%)", "macro F1", rows=body)
    )


def _fills(found: Findings) -> str:
    if not found.fills:
        return ""
    names = list(dict.fromkeys(name for one in found.fills.values() for name in one))
    total = len(found.opened.snapshot)
    drawn = f"{found.asked:,} of the {total:,} products, drawn at random" * (found.asked < total)
    body, accepted = [], dict.fromkeys(found.fills, 0)
    for name in names:
        cells = []
        for precision, by_name in found.fills.items():
            row = by_name[name]
            accepted[precision] += row["accepted"]
            proved = row["validation_precision"]
            cells += [
                f"{row['accepted']:,}" if row["threshold"] is not None else "-",
                "-" if proved is None else f"{100 * proved:.1f} %",
            ]
        asked = max(by_name[name]["asked"] for by_name in found.fills.values())
        body.append((asked, [text(name), f"{asked:,}", *cells]))
    body.sort(key=lambda pair: -pair[0])
    head = [
        part for p in found.fills for part in (f"filled in at {100 * p:.0f} %", "on validation")
    ]
    counts = tiles({f"values at {100 * p:.0f} % precision": f"{n:,}" for p, n in accepted.items()})
    return (
        f"<h2>What can be filled in</h2><p>Missing values of {drawn or f'all {total:,} products'}, "
        "and how many of them are sure enough for a promised precision. A dash: no threshold was "
        "proved to keep it. <code>k3m-kg complete --precision 0.95 --write</code> writes them.</p>"
        + counts
        + table("|property", "missing", *head, rows=[row for _, row in body[:_ROWS]])
    )


def _calibration(found: Findings) -> str:
    if found.calibration is None or found.diagram is None:
        return ""
    split = found.settings.split
    check = found.calibration["splits"][split]
    before, after = check["before"]["ece"], check["after"]["ece"]
    rows = [
        (
            f"{100 * row['wanted']:.0f} %",
            "-" if row["precision"] is None else f"{100 * row['precision']:.1f} %",
            f"{100 * row['coverage']:.1f} %",
        )
        for row in check["at_precision"]
    ]
    caption = "How often the best value is right, by how probable the model holds it."
    return (
        "<h2>Whether its probabilities can be believed</h2>"
        f"<p>On {split} the expected calibration error is {100 * before:.1f} points before and "
        f"{100 * after:.1f} after calibration, over {check['questions']:,} questions of which "
        f"{check['unseen']:,} have an answer that training never saw.</p>"
        + figure(found.diagram, caption)
        + table("precision promised", "kept", "share of questions answered", rows=rows)
        + "".join(f"<p class=note>{text(note, 400)}</p>" for note in found.calibration["notes"])
    )


def _examples(found: Findings) -> str:
    if not found.examples:
        return ""
    shown = cards(example_card(found.opened.snapshot, one) for one in found.examples)
    return (
        "<h2>What it proposes</h2><p>Products, some of what is known of them, and values for what "
        "they lack, with their probabilities.</p>" + shown
    )


def _mistakes(found: Findings) -> str:
    return _found(
        found,
        found.mistakes,
        "Where it disagrees most",
        f"Values of {found.settings.split} products that the model holds for unlikely, each hidden "
        "from it. Blue is what it expects. Either the model is wrong or the catalog is: look.",
    )


def _audits(found: Findings) -> str:
    return "".join(
        _found(
            found,
            audit,
            f"What looks wrong in the other products: {kind}",
            f"The most suspicious of {audit.judged:,} {kind}; <code>k3m-kg audit</code> lists all.",
        )
        for kind, audit in found.audits.items()
    )


def _found(found: Findings, audit: Audit, head: str, about: str) -> str:
    if not audit.findings:
        return ""
    shown = cards(finding_card(found.opened.snapshot, one) for one in audit.findings)
    return f"<h2>{escape(head)}</h2><p>{about}</p>{shown}"


def _training(found: Findings) -> str:
    plot = plot_training({_MODEL: found.log})
    if plot is None:
        return "<h2>Training</h2><p class=note>Its log, which lay beside the artifact, is gone.</p>"
    caption = "Training losses, means of the last 15 steps, and validation after each epoch."
    return f"<h2>Training</h2>{figure(plot, caption)}"


def _next(found: Findings) -> str:
    return (
        f"<h2>Go on from here</h2><pre>{escape(chr(10).join(_commands(found)))}</pre>"
        f"<p class=note>Written by k3m-kg {__version__} from snapshot {found.opened.snapshot.id}."
        "</p>"
    )


def _commands(found: Findings) -> Iterator[str]:
    path = found.opened.trained.path
    yield f"k3m-kg evaluate {path} --per-property"
    yield f"k3m-kg complete {path} --precision 0.95 --write"
    if found.categories is not None:
        yield f"k3m-kg classify {path} --precision 0.95 --write"
    yield f"k3m-kg audit {path} --top 50"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
