"""The report: one HTML file with its pictures inside, and the plots beside it as PNG files."""

from __future__ import annotations

import base64
import html
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
from k3m_kg.demo.plots import missing_curve, plot_missing, plot_properties, plot_training
from k3m_kg.demo.run import DemoRun
from k3m_kg.files import write_text

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #23282f;
  max-width: 960px; margin: 48px auto 96px; padding: 0 24px; background: #fff; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; }
h2 { font-size: 21px; margin: 56px 0 8px; }
p { margin: 8px 0 12px; max-width: 44em; }
.lead { font-size: 18px; color: #4b5560; }
.figures { display: flex; flex-wrap: wrap; gap: 12px 40px; margin: 28px 0; }
.figures div { min-width: 110px; }
.figures b { display: block; font-size: 28px; line-height: 1.2; }
.figures span, figcaption, .note { color: #66707b; font-size: 14px; }
figure { margin: 20px 0; }
figure img { width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 15px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 18px 5px 0; text-align: right; border-bottom: 1px solid #e4e7eb; }
th { font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
.best { font-weight: 700; color: #1f5fa8; }
.products { display: grid; gap: 20px;
  grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); }
.product { border: 1px solid #e4e7eb; border-radius: 10px; padding: 16px; font-size: 14px; }
.product header { display: flex; gap: 14px; min-height: 96px; }
.product img, .noimage { width: 96px; height: 96px; border-radius: 6px; flex: none; }
.noimage { background: #f3f5f7; color: #9aa3ad; font-size: 12px; display: grid;
  place-items: center; }
.product h3 { font-size: 15px; margin: 0 0 4px; line-height: 1.3; }
.wrong { color: #b3402a; }
.known { color: #4b5560; margin: 12px 0; line-height: 1.7; }
.known span { background: #f3f5f7; border-radius: 4px; padding: 1px 7px; margin-right: 4px;
  white-space: nowrap; }
.asked { margin-top: 10px; font-weight: 600; }
.bar { display: grid; grid-template-columns: 8.2em 1fr 3.4em; gap: 8px; align-items: center;
  white-space: nowrap; }
.bar i { display: block; height: 9px; border-radius: 3px; background: #c9d3de; }
.bar.right i { background: #1f5fa8; }
.bar.right span:first-child { font-weight: 600; }
.bar span:last-child { text-align: right; color: #66707b; }
code { background: #f3f5f7; padding: 1px 5px; border-radius: 4px; font-size: 14px; }
pre { background: #f3f5f7; padding: 14px 16px; border-radius: 8px; font-size: 14px;
  overflow-x: auto; }
"""


def write_report(run: DemoRun, answers: Scorecard) -> Path:
    """Write `report.html` and `plots/*.png` into the demo's folder."""
    plots = run.folder / "plots"
    plots.mkdir(exist_ok=True)
    sections = [
        _introduction(run, answers),
        _catalog(run),
        _properties(answers, plot_properties(answers, plots / "properties.png")),
        _missing(answers, plot_missing(answers, plots / "missing.png")),
        _products(run, pick_examples(run.k3m, run.truths)),
        _training(run, plot_training(run.k3m, run.plain, plots / "training.png")),
        _next(run),
    ]
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>K3M on a generated catalog</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body></html>\n"
    )
    path = run.folder / "report.html"
    write_text(path, page)
    return path


def _mean(answers: Scorecard, who: str) -> float:
    """Accuracy over all questions but those about the random property, in percent."""
    return 100 * answers.as_missing(who, "all", 0.0)


def _introduction(run: DemoRun, answers: Scorecard) -> str:
    figures = [
        (_mean(answers, MAJORITY), "most frequent value"),
        (_mean(answers, PLAIN), "same model without knowledge"),
        (_mean(answers, K3M), "K3M"),
        (_mean(answers, CEILING), "ceiling"),
    ]
    blocks = "".join(
        f"<div><b>{value:.0f} %</b><span>{name}</span></div>" for value, name in figures
    )
    return f"""<h1>K3M on a generated catalog</h1>
<p class="lead">{run.products:,} products with pictures, titles and properties, many of them missing
or wrong, went from CSV through the knowledge graph to a trained model in
{_duration(sum(run.seconds.values()))}. How often it then fills in the right value of a property of
a product that it has never seen:</p>
<div class="figures">{blocks}</div>
<p class="note">Accuracy over {sum(name != RANDOM_PROPERTY for name in answers.properties):,} cells
of {len(set(answers.products.tolist())):,} test products, each hidden in turn and its words cut from
the title; <i>{RANDOM_PROPERTY}</i>, which is random, left out.</p>"""


def _catalog(run: DemoRun) -> str:
    truths = list(run.truths.values())
    titles, images = Counter(t.title for t in truths), Counter(t.image for t in truths)
    cells = sum(len(truth.facts) - len(truth.known) for truth in truths)
    every = sum(len(truth.facts) for truth in truths)

    def share(count: int, of: int = len(truths)) -> str:
        return f"<td>{count:,}</td><td>{100 * count / of:.1f} %</td>"

    counts = run.counts
    return f"""<h2>The catalog</h2>
<p>A merchant's files: <code>catalog.csv</code>, a <code>mapping.yaml</code> that says what its
columns mean, and a folder of pictures. Titles drop words, use synonyms and have typos; pictures
vary in position, size, light and background. Form is only in the picture; care, origin and
warranty are in neither title nor picture.</p>
<table><tr><th>defect</th><th>number</th><th>share</th></tr>
<tr><td>title missing</td>{share(titles["missing"])}</tr>
<tr><td>title of another product</td>{share(titles["wrong"])}</tr>
<tr><td>picture missing</td>{share(images["missing"])}</tr>
<tr><td>picture of another product</td>{share(images["wrong"])}</tr>
<tr><td>property cell empty</td>{share(cells, every)}</tr></table>
<p class="note">The graph took {counts["products_added"]:,} products and
{counts["triples_added"]:,} triples; {counts["rows_quarantined"]} of {BAD_ROWS} broken rows went to
quarantine. Which titles and pictures are wrong stands in <code>truth.jsonl</code>, which only this
report reads.</p>"""


def _properties(answers: Scorecard, plot: Path) -> str:
    everyone = [MAJORITY, PLAIN, K3M, PLAIN_CEILING, CEILING]
    right = {who: answers.per_property(who) for who in everyone}
    names = sorted(right[CEILING], key=lambda name: -right[CEILING][name])
    rows = "".join(
        f"<tr><td>{name}</td>"
        + "".join(f"<td{_best(who == K3M)}>{100 * right[who][name]:.0f}</td>" for who in everyone)
        + "</tr>"
        for name in names
    )
    head = "".join(f"<th>{who}</th>" for who in everyone)
    return f"""<h2>Which values can be filled in</h2>
{_figure(plot, "Accuracy per property on products that no training saw.")}
<p><b>The ceiling</b> is what a perfect reader would reach on the same questions. The catalog comes
from a known random process, so the exact probability of each value of a hidden cell, given
everything that the catalog shows of that product, can be computed (sums over a small Bayesian
network). The perfect reader recognises everything in a picture, sees through synonyms and typos,
knows every distribution and how many titles and pictures are wrong, but not which. It answers with
the likeliest value; its accuracy is the ceiling. What is missing to 100 % is not in the data:
{RANDOM_PROPERTY} is drawn for each product independently of everything, so there no model can beat
the most frequent value but by luck.</p>
<table><tr><th>accuracy (%)</th>{head}</tr>{rows}</table>"""


def _best(yes: bool) -> str:
    return ' class="best"' if yes else ""


def _missing(answers: Scorecard, plot: Path) -> str:
    def gap(condition: str) -> tuple[float, float]:
        ours, plain = (missing_curve(answers, who, condition) for who in (K3M, PLAIN))
        return ours[0] - plain[0], ours[-1] - plain[-1]

    title, image = gap("no title"), gap("no image")
    return f"""<h2>When titles or images go missing</h2>
{_figure(plot, "Mean accuracy over all properties but warranty. Dashed: the ceiling of each.")}
<p>The model without knowledge is the same model, trained on the same products with the same tasks
and as long, but it never sees a triple, only titles and pictures. K3M leads it by
{title[0]:.0f} points when everything is there, by {title[1]:.0f} without any title and by
{image[1]:.0f} without any picture.</p>"""


def _products(run: DemoRun, examples: Iterable[Example]) -> str:
    cards = "".join(_card(run, example) for example in examples)
    return f"""<h2>Empty cells, completed</h2>
<p>Test products as the catalog shows them, what it knows of them, and the values that K3M proposes
for the cells that are empty, with their probabilities. The true value is dark.</p>
<div class="products">{cards}</div>"""


def _card(run: DemoRun, example: Example) -> str:
    truth = example.truth
    image = '<div class="noimage">no picture</div>'
    for path in run.catalog.images.glob(f"{truth.id}.*"):
        image = f'<img src="{_embedded(path)}" alt="">'
    title = html.escape(example.title or "(no title)")
    notes = [
        f'<div class="wrong">this {what} is another product’s</div>'
        for what, state in (("title", truth.title), ("picture", truth.image))
        if state == "wrong"
    ]
    known = "".join(f"<span>{value}</span>&#8203;" for value in example.known.values())
    asked = "".join(
        f'<div class="asked">{name}?</div>'
        + "".join(
            f'<div class="bar{" right" if p.value == truth.facts[name] else ""}">'
            f'<span>{html.escape(p.value)}</span><i style="width:{100 * p.probability:.1f}%"></i>'
            f"<span>{100 * p.probability:.0f} %</span></div>"
            for p in proposals
        )
        for name, proposals in example.proposals.items()
    )
    return (
        f'<div class="product"><header>{image}<div><h3>{title}</h3>{"".join(notes)}</div></header>'
        f'<div class="known">{known}</div>{asked}</div>'
    )


def _training(run: DemoRun, plot: Path) -> str:
    stages = "".join(
        f"<tr><td>{name}</td><td>{seconds:.0f} s</td></tr>" for name, seconds in run.seconds.items()
    )
    return f"""<h2>Training</h2>
{_figure(plot, "Training losses, mean of the last 15 steps, and validation accuracy per epoch.")}
<table><tr><th>stage</th><th>time</th></tr>{stages}</table>
<p class="note">On {os.cpu_count()} CPU cores, k3m-kg {__version__}, seed {run.seed}.</p>"""


def _next(run: DemoRun) -> str:
    folder = run.folder
    return f"""<h2>Go on from here</h2>
<pre>k3m-kg status --db sqlite:///{folder}/graph.db
k3m-kg evaluate {folder}/models/k3m --task link-prediction
k3m-kg complete {folder}/models/k3m --help
tensorboard --logdir {folder}/models</pre>
<p>Both models’ settings are in their <code>config.yaml</code>. For a catalog of your own, start
from <code>catalog/mapping.yaml</code> and follow the README.</p>"""


def _figure(path: Path, caption: str) -> str:
    image = f'<img src="{_embedded(path)}" alt="{caption}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _embedded(path: Path) -> str:
    kind = "jpeg" if path.suffix == ".jpg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
