"""The report: one HTML file with its pictures inside, and the plots beside it as PNG files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from k3m_kg import __version__
from k3m_kg.demo.examples import Example, pick_examples
from k3m_kg.demo.generator import BAD_ROWS
from k3m_kg.demo.measure import (
    CEILING,
    K3M,
    MAJORITY,
    PLAIN,
    PLAIN_CEILING,
    RANDOM_PROPERTY,
    Scorecard,
)
from k3m_kg.demo.plots import missing_curve, plot_accuracy, plot_losses, plot_missing
from k3m_kg.demo.run import DemoRun
from k3m_kg.files import whole_file, write_text
from k3m_kg.pages.cards import Bar, Card, cards
from k3m_kg.pages.html import best, document, figure, table, tiles


def write_report(run: DemoRun, answers: Scorecard) -> Path:
    """Write `report.html` and `plots/*.png` into the demo's folder."""
    plots = run.folder / "plots"
    plots.mkdir(exist_ok=True)
    drawn = {
        "properties": plot_accuracy(answers),
        "missing": plot_missing(answers),
        "training": plot_losses(run.k3m, run.plain),
    }
    for name, data in drawn.items():
        with whole_file(plots / f"{name}.png") as staging:
            staging.write_bytes(data)
    sections = [
        _introduction(run, answers),
        _catalog(run),
        _properties(answers, drawn["properties"]),
        _missing(answers, drawn["missing"]),
        _products(run, pick_examples(run.k3m, run.truths)),
        _training(run, drawn["training"]),
        _next(run),
    ]
    path = run.folder / "report.html"
    write_text(path, document("K3M on a generated catalog", sections))
    return path


def _mean(answers: Scorecard, who: str) -> float:
    """Accuracy over all questions but those about the random property, in percent."""
    return 100 * answers.corrupted(who, "all", 0.0)


def _introduction(run: DemoRun, answers: Scorecard) -> str:
    figures = [
        (_mean(answers, MAJORITY), "most frequent value"),
        (_mean(answers, PLAIN), "same model without knowledge"),
        (_mean(answers, K3M), "K3M"),
        (_mean(answers, CEILING), "ceiling"),
    ]
    blocks = tiles({name: f"{value:.0f} %" for value, name in figures})
    return f"""<h1>K3M on a generated catalog</h1>
<p class="lead">{run.products:,} products with pictures, titles and properties, many of them missing
or wrong, went from CSV through the knowledge graph to a trained model in
{_duration(sum(run.seconds.values()))}. How often it then fills in the right value of a property of
a product that it has never seen:</p>
{blocks}
<p class="note">Accuracy over {sum(name != RANDOM_PROPERTY for name in answers.properties):,} cells
of {len(set(answers.products.tolist())):,} test products, each hidden in turn and its words cut from
the title; <i>{RANDOM_PROPERTY}</i>, which is random, left out.</p>"""


def _catalog(run: DemoRun) -> str:
    truths = list(run.truths.values())
    titles, images = Counter(t.title for t in truths), Counter(t.image for t in truths)
    cells = sum(len(truth.facts) - len(truth.known) for truth in truths)
    every = sum(len(truth.facts) for truth in truths)

    def row(defect: str, count: int, of: int = len(truths)) -> tuple[str, str, str]:
        return defect, f"{count:,}", f"{100 * count / of:.1f} %"

    defects = table(
        "|defect",
        "number",
        "share",
        rows=[
            row("title missing", titles["missing"]),
            row("title of another product", titles["wrong"]),
            row("picture missing", images["missing"]),
            row("picture of another product", images["wrong"]),
            row("property cell empty", cells, every),
        ],
    )
    counts = run.counts
    return f"""<h2>The catalog</h2>
<p>A merchant's files: <code>catalog.csv</code>, a <code>mapping.yaml</code> that says what its
columns mean, and a folder of pictures. Titles drop words, use synonyms and have typos; pictures
vary in position, size, light and background. Form is only in the picture; care, origin and
warranty are in neither title nor picture.</p>
{defects}
<p class="note">The graph took {counts["products_added"]:,} products and
{counts["triples_added"]:,} triples; {counts["rows_quarantined"]} of {BAD_ROWS} broken rows went to
quarantine. Which titles and pictures are wrong stands in <code>truth.jsonl</code>, which only this
report reads.</p>"""


def _properties(answers: Scorecard, plot: bytes) -> str:
    everyone = [MAJORITY, PLAIN, K3M, PLAIN_CEILING, CEILING]
    right = {who: answers.per_property(who) for who in everyone}
    names = sorted(right[CEILING], key=lambda name: -right[CEILING][name])
    rows = [
        [name, *(best(f"{100 * right[who][name]:.0f}", who == K3M) for who in everyone)]
        for name in names
    ]
    return f"""<h2>Which values can be filled in</h2>
{figure(plot, "Accuracy per property on products that no training saw.")}
<p><b>The ceiling</b> is what a perfect reader would reach on the same questions. The catalog comes
from a known random process, so the exact probability of each value of a hidden cell, given
everything that the catalog shows of that product, can be computed (sums over a small Bayesian
network). The perfect reader recognises everything in a picture, sees through synonyms and typos,
knows every distribution and how many titles and pictures are wrong, but not which. It answers with
the likeliest value; its accuracy is the ceiling. What is missing to 100 % is not in the data:
{RANDOM_PROPERTY} is drawn for each product independently of everything, so there no model can beat
the most frequent value but by luck.</p>
{table("|accuracy (%)", *everyone, rows=rows)}"""


def _missing(answers: Scorecard, plot: bytes) -> str:
    def gap(condition: str) -> tuple[float, float]:
        ours, plain = (missing_curve(answers, who, condition) for who in (K3M, PLAIN))
        return ours[0] - plain[0], ours[-1] - plain[-1]

    title, image = gap("no title"), gap("no image")
    wrong = gap("wrong title")
    return f"""<h2>When titles or images go missing, or are wrong</h2>
{figure(plot, "Mean accuracy over all properties but warranty. Dashed: the ceiling of each.")}
<p>The model without knowledge is the same model, trained on the same products with the same tasks
and as long, but it never sees a triple, only titles and pictures. K3M leads it by
{title[0]:.0f} points when everything is there, by {title[1]:.0f} without any title, by
{image[1]:.0f} without any picture, and by {wrong[1]:.0f} where every title is another product’s.
<code>k3m-kg robustness</code> asks the same of any catalog, with the baselines of the paper.</p>"""


def _products(run: DemoRun, examples: Iterable[Example]) -> str:
    shown = cards(_card(run, example) for example in examples)
    return f"""<h2>Empty cells, completed</h2>
<p>Test products as the catalog shows them, what it knows of them, and the values that K3M proposes
for the cells that are empty, with their probabilities. The true value is dark.</p>
{shown}"""


def _card(run: DemoRun, example: Example) -> Card:
    truth = example.truth
    picture, kind = None, "png"
    for path in run.catalog.images.glob(f"{truth.id}.*"):
        picture, kind = path.read_bytes(), "jpeg" if path.suffix == ".jpg" else "png"
    asked = [
        (name, [Bar(p.value, p.probability, p.value == truth.facts[name]) for p in proposals])
        for name, proposals in example.proposals.items()
    ]
    notes = [
        f"this {what} is another product’s"
        for what, state in (("title", truth.title), ("picture", truth.image))
        if state == "wrong"
    ]
    return Card(example.title, picture, kind, list(example.known.values()), notes, asked)


def _training(run: DemoRun, plot: bytes) -> str:
    stages = [(name, f"{seconds:.0f} s") for name, seconds in run.seconds.items()]
    return f"""<h2>Training</h2>
{figure(plot, "Training losses, mean of the last 15 steps, and validation accuracy per epoch.")}
{table("|stage", "time", rows=stages)}
<p class="note">On {os.cpu_count()} CPU cores, k3m-kg {__version__}, seed {run.seed}.</p>"""


def _next(run: DemoRun) -> str:
    folder = run.folder
    return f"""<h2>Go on from here</h2>
<pre>k3m-kg serve --db sqlite:///{folder}/graph.db --model {folder}/models/k3m
k3m-kg status --db sqlite:///{folder}/graph.db
k3m-kg evaluate {folder}/models/k3m --task link-prediction
k3m-kg complete {folder}/models/k3m --help
tensorboard --logdir {folder}/models</pre>
<p>Both models’ settings are in their <code>config.yaml</code>. For a catalog of your own, start
from <code>catalog/mapping.yaml</code> and follow the README.</p>"""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
