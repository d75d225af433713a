"""`k3m-kg audit` on catalogs with planted noise, next to simple baselines.

    python -m benchmarks audit --catalog fashion --work runs/audit
    python -m benchmarks audit --catalog generated --work runs/audit

A copy of the catalog's files is made in `--work` in which 5 % of the products have another
product's title, 5 % another's picture, and 5 % of the cells another product's value. The model is
trained on that copy (fashion: `examples/fashion/quick.yaml`; generated: the demo's), and everything
in it is audited. Printed: precision at k and average precision of what was planted, in %.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fashion_k3m import ROOT, k3m_kg
from k3m_kg.lpm.title_leakage import value_spans

NOISE = 0.05
FASHION = (
    "gender", "masterCategory", "subCategory", "articleType", "baseColour", "season", "year",
    "usage",
)  # fmt: skip
SEED = 7


@dataclass
class Planted:
    """What is wrong in a catalog.

    Attributes:
        titles, images: ids of products with another one's.
        values: (product, property) -> the value before.
    """

    titles: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)
    values: dict[tuple[str, str], str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        values = [[*key, value] for key, value in sorted(self.values.items())]
        record = {"titles": sorted(self.titles), "images": sorted(self.images), "values": values}
        path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Planted:
        """Read what `save` wrote."""
        found = json.loads(path.read_text(encoding="utf-8"))
        values = {(product, name): value for product, name, value in found["values"]}
        return cls(set(found["titles"]), set(found["images"]), values)


def read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return list(rows.fieldnames or []), list(rows)


def write(path: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerows(rows)


def rotated(count: int, random: np.random.Generator) -> list[tuple[int, int]]:
    """(place, whose) for a share of NOISE of `count` places, each given to the next chosen one."""
    chosen = random.permutation(count)[: round(NOISE * count)]
    return list(zip(chosen.tolist(), np.roll(chosen, 1).tolist(), strict=True))


def swap_values(
    rows: list[dict[str, str]], key: str, columns: tuple[str, ...], missing: set[str]
) -> dict[tuple[str, str], str]:
    """In NOISE of the filled cells put the value of a random product that has another one."""
    random = np.random.default_rng(SEED)
    planted = {}
    for name in columns:
        filled = [number for number, row in enumerate(rows) if row[name] not in missing]
        true = {number: rows[number][name] for number in filled}
        for number in random.permutation(filled)[: round(NOISE * len(filled))].tolist():
            other = true[number]
            while other == true[number]:
                other = true[filled[random.integers(len(filled))]]
            rows[number][name] = other
            planted[rows[number][key], name] = true[number]
    return planted


def plant_fashion(source: Path, target: Path) -> Planted:
    """The fashion catalog with noise, its pictures as links."""
    columns, rows = read(source / "styles.csv")
    random = np.random.default_rng(SEED + 1)
    planted = Planted(values=swap_values(rows, "id", FASHION, {"", "NA"}))
    titles = [row["productDisplayName"] for row in rows]
    for place, whose in rotated(len(rows), random):
        if titles[place] != titles[whose]:
            rows[place]["productDisplayName"] = titles[whose]
            planted.titles.add(rows[place]["id"])
    picture = {row["id"]: row["id"] for row in rows}
    for place, whose in rotated(len(rows), random):
        picture[rows[place]["id"]] = rows[whose]["id"]
        planted.images.add(rows[place]["id"])
    images = target / "images"
    images.mkdir(parents=True)
    for product, whose in picture.items():
        shutil.copyfile(source / "images" / f"{whose}.jpg", images / f"{product}.jpg")
    write(target / "styles.csv", columns, rows)
    return planted


def prepare_fashion(work: Path, threads: int) -> Path:
    """Plant, ingest, cut, train; what is there is kept. The artifact."""
    data = Path(os.environ.get("K3M_KG_DATA", ROOT.parent / "shared" / "data")) / "fashion"
    catalog = work / "catalog"
    if not (work / "planted.json").exists():
        shutil.rmtree(catalog, ignore_errors=True)
        plant_fashion(data, catalog).save(work / "planted.json")
    database = f"sqlite:///{work / 'graph.db'}"
    if not (work / "snapshots" / "latest").exists():
        mapping = ROOT / "examples" / "fashion" / "mapping.yaml"
        source = ("ingest", catalog / "styles.csv", "--mapping", mapping, "--db", database)
        k3m_kg(*source, threads=threads)
        cut = ("snapshot", "--db", database, "--split-file", data / "split.csv", "--holdout", 0)
        k3m_kg(*cut, work / "snapshots", threads=threads)
    artifact = work / "artifact"
    if not (artifact / "artifact.json").exists():
        config = ROOT / "examples" / "fashion" / "quick.yaml"
        sets = {
            "snapshot": work / "snapshots",
            "output": artifact,
            "training.threads": threads,
        }
        options = [part for key, value in sets.items() for part in ("--set", f"{key}={value}")]
        resume = ["--resume"] if (work / "artifact.run" / "checkpoint").exists() else []
        k3m_kg("pretrain", config, *options, *resume, threads=threads)
    return artifact


def prepare_generated(work: Path, threads: int) -> Path:
    """The demo's catalog, which has wrong titles and pictures already, with wrong values too."""
    from k3m_kg.config import RunConfig, validate_settings
    from k3m_kg.demo.generator import generate, read_truth
    from k3m_kg.demo.pipeline import EPOCHS
    from k3m_kg.demo.training import demo_config
    from k3m_kg.demo.world import PROPERTIES
    from k3m_kg.training.pretrain import pretrain

    if not (work / "planted.json").exists():
        shutil.rmtree(work / "catalog", ignore_errors=True)
        files = generate(work / "catalog")
        truths = read_truth(files.truth).values()
        columns, rows = read(files.catalog)
        rows = [row for row in rows if row["sku"] and None not in row]
        planted = Planted(
            {truth.id for truth in truths if truth.title == "wrong"},
            {truth.id for truth in truths if truth.image == "wrong"},
            swap_values(rows, "sku", PROPERTIES, {"", "n/a", "-"}),
        )
        write(files.catalog, columns, rows)
        planted.save(work / "planted.json")
    database = f"sqlite:///{work / 'graph.db'}"
    if not (work / "snapshots" / "latest").exists():
        catalog = work / "catalog"
        options = ("--mapping", catalog / "mapping.yaml", "--images", catalog / "images")
        k3m_kg("ingest", catalog / "catalog.csv", *options, "--db", database, threads=threads)
        cut = ("--validation", 0.1, "--test", 0.15, "--holdout", 0, "--image-size", 96)
        k3m_kg("snapshot", "--db", database, *cut, work / "snapshots", threads=threads)
    artifact = work / "artifact"
    if not (artifact / "artifact.json").exists():
        config = demo_config(
            work / "snapshots", artifact, seed=0, epochs=EPOCHS, knowledge=True
        ).model_dump(mode="json")
        config["training"]["threads"] = threads
        pretrain(validate_settings(RunConfig, config, "the demo's config"))
    return artifact


@dataclass
class Catalog:
    """A catalog file with noise, for the baselines.

    Attributes:
        rows: as read, those that are products.
        key, title, category: columns; `category` is the kind of product.
        columns: the properties.
        missing: cells that mean nothing.
        pictures: product -> file.
    """

    rows: list[dict[str, str]]
    key: str
    title: str
    category: str
    columns: tuple[str, ...]
    missing: set[str]
    pictures: dict[str, Path]

    @classmethod
    def fashion(cls, folder: Path) -> Catalog:
        """The fashion catalog."""
        _, rows = read(folder / "styles.csv")
        pictures = {row["id"]: folder / "images" / f"{row['id']}.jpg" for row in rows}
        columns = ("id", "productDisplayName", "articleType", FASHION)
        return cls(rows, *columns, {"", "NA"}, pictures)

    @classmethod
    def generated(cls, folder: Path) -> Catalog:
        """The demo's catalog."""
        from k3m_kg.demo.world import PROPERTIES

        _, rows = read(folder / "catalog.csv")
        pictures = {r["sku"]: folder / "images" / r["photo"] for r in rows if r["photo"]}
        return cls(rows, "sku", "name", "product type", PROPERTIES, {"", "n/a", "-"}, pictures)

    def cells(self) -> list[tuple[str, str, str]]:
        """(product, property, value) of every filled cell."""
        return [
            (row[self.key], name, row[name])
            for row in self.rows
            for name in self.columns
            if row[name] not in self.missing
        ]


Scores = dict[Any, float]
"""From what may be wrong to how suspicious it is."""


def value_baselines(catalog: Catalog) -> dict[str, Scores]:
    """Rare values; rare given the kind of product; naive Bayes given all other values."""
    cells = catalog.cells()
    count = Counter((name, value) for _, name, value in cells)
    total = Counter(name for _, name, _ in cells)
    kinds = {row[catalog.key]: row[catalog.category] for row in catalog.rows}
    given = Counter((name, value, kinds[product]) for product, name, value in cells)
    of_kind = Counter((name, kinds[product]) for product, name, _ in cells)
    rarity = {(p, n): -count[n, v] / total[n] for p, n, v in cells}
    known = {
        (p, n): -given[n, v, kinds[p]] / of_kind[n, kinds[p]] if n != catalog.category
        else rarity[p, n]
        for p, n, v in cells
    }  # fmt: skip
    return {
        "rare value": rarity,
        "rare given the kind of product": known,
        "naive Bayes on the other values": _naive_bayes(catalog),
    }


def _naive_bayes(catalog: Catalog) -> Scores:
    """log p(best other) - log p(stated), add-one smoothed, the product's own cell left out."""
    numbers: dict[str, dict[str, int]] = {name: {} for name in catalog.columns}
    table = np.full((len(catalog.rows), len(catalog.columns)), -1)
    for place, row in enumerate(catalog.rows):
        for column, name in enumerate(catalog.columns):
            if row[name] not in catalog.missing:
                table[place, column] = numbers[name].setdefault(row[name], len(numbers[name]))
    sizes = [len(numbers[name]) for name in catalog.columns]
    result: Scores = {}
    for column, name in enumerate(catalog.columns):
        filled = np.flatnonzero(table[:, column] >= 0)
        own = table[filled, column]
        prior = np.bincount(own, minlength=sizes[column]).astype(float)
        score = np.repeat(np.log(prior + 1)[None], len(filled), 0)
        score[np.arange(len(filled)), own] = np.log(prior[own])
        for other in set(range(len(catalog.columns))) - {column}:
            seen = table[filled, other]
            joint = np.zeros((sizes[column], sizes[other]))
            np.add.at(joint, (own[seen >= 0], seen[seen >= 0]), 1)
            rows = np.flatnonzero(seen >= 0)
            together = joint[:, seen[rows]].T
            together[np.arange(len(rows)), own[rows]] -= 1
            whole = np.repeat(joint.sum(1)[None], len(rows), 0)
            whole[np.arange(len(rows)), own[rows]] -= 1
            score[rows] += np.log((together + 1) / (whole + sizes[other]))
        stated = score[np.arange(len(filled)), own].copy()
        score[np.arange(len(filled)), own] = -np.inf
        suspicion = score.max(1) - stated
        for place, value in zip(filled.tolist(), suspicion.tolist(), strict=True):
            result[catalog.rows[place][catalog.key], name] = value
    return result


def title_baselines(catalog: Catalog) -> dict[str, Scores]:
    """Few of the values in the title; the kind of product improbable given the words."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.model_selection import KFold
    from sklearn.naive_bayes import MultinomialNB

    overlap: Scores = {}
    titled = [row for row in catalog.rows if row[catalog.title]]
    for row in titled:
        values = [row[name] for name in catalog.columns if row[name] not in catalog.missing]
        found = [bool(value_spans(row[catalog.title], value)) for value in values]
        overlap[row[catalog.key]] = -float(np.mean(found)) if found else 0.0
    kinds = [row for row in titled if row[catalog.category] not in catalog.missing]
    words = CountVectorizer(binary=True, min_df=2).fit_transform(r[catalog.title] for r in kinds)
    labels = np.array([row[catalog.category] for row in kinds])
    improbable: Scores = {row[catalog.key]: 0.0 for row in titled}
    for train, rest in KFold(5, shuffle=True, random_state=0).split(labels):
        model = MultinomialNB().fit(words[train], labels[train])
        place = {label: number for number, label in enumerate(model.classes_)}
        for number, row in zip(rest, model.predict_proba(words[rest]), strict=True):
            column = place.get(labels[number])
            share = row[column] if column is not None else 0.0
            improbable[kinds[number][catalog.key]] = float(row.max() - share)
    return {"few values in the title": overlap, "naive Bayes: kind given the words": improbable}


def image_baselines(catalog: Catalog) -> dict[str, Scores]:
    """Far from the mean picture of its kind of product; few of the nearest pictures of its kind."""
    from PIL import Image
    from sklearn.neighbors import NearestNeighbors

    kinds = {row[catalog.key]: row[catalog.category] for row in catalog.rows}
    products, features = [], []
    for product, path in catalog.pictures.items():
        with Image.open(path) as picture:
            rgb = picture.convert("RGB")
            grey = rgb.convert("L").resize((24, 24), Image.Resampling.BILINEAR)
            level = np.asarray(rgb).reshape(-1, 3).astype(np.int64) // 32
        histogram = np.bincount(level @ np.array([64, 8, 1]), minlength=512) / len(level)
        products.append(product)
        features.append(np.concatenate([np.sqrt(histogram), np.asarray(grey).ravel() / 255]))
    table = np.stack(features)
    table = (table - table.mean(0)) / (table.std(0) + 1e-6)
    labels = np.array([kinds[product] for product in products])
    far, lonely = np.zeros(len(labels)), np.zeros(len(labels))
    for kind in set(labels.tolist()):
        mine = labels == kind
        far[mine] = np.linalg.norm(table[mine] - table[mine].mean(0), axis=1)
    _, near = NearestNeighbors(n_neighbors=21).fit(table).kneighbors(table)
    lonely = -(labels[near[:, 1:]] == labels[:, None]).mean(1)
    return {
        "far from the mean of its kind": dict(zip(products, far.tolist(), strict=True)),
        "few of 20 neighbours of its kind": dict(zip(products, lonely.tolist(), strict=True)),
    }


def row_of(name: str, scores: Scores, planted: set[Any]) -> str:
    """A row of the table: average precision, precision at 50, 100, 500 and at as many as planted.

    What a method does not judge comes last.
    """
    from sklearn.metrics import average_precision_score

    keys = list(scores)
    wrong = np.array([key in planted for key in keys])
    score = np.array([scores[key] for key in keys])
    random = np.random.default_rng(0)  # ties in a random order
    order = np.lexsort((random.random(len(keys)), -score))
    hits = np.cumsum(wrong[order])
    missed = int(len(planted) - wrong.sum())
    floor = np.append(score, [score.min() - 1] * missed)
    average = average_precision_score(np.append(wrong, [True] * missed), floor)
    counts = [min(count, len(keys)) for count in (50, 100, 500, len(planted))]
    cells = " | ".join(f"{100 * hits[count - 1] / count:.0f}" for count in counts)
    return f"| {name} | {100 * average:.1f} | {cells} |"


def report(catalog: Catalog, artifact: Path, planted: Planted, threads: int) -> str:
    """The tables of one catalog."""
    k3m_kg("evaluate", artifact, "--calibrate", "--no-leakage", threads=threads)
    found = k3m_kg("audit", artifact, "--top", 10**7, threads=threads)
    ours: dict[str, Scores] = {"value": {}, "title": {}, "image": {}}
    for item in found["findings"]:
        product = item["product"]
        key = (product, item["property"]) if item["kind"] == "value" else product
        ours[item["kind"]][key] = item["suspicion"]
    kinds: list[tuple[str, set[Any], dict[str, Scores]]] = [
        ("value", set(planted.values), value_baselines(catalog)),
        ("title", planted.titles, title_baselines(catalog)),
        ("image", planted.images, image_baselines(catalog)),
    ]
    lines = []
    for kind, wrong, baselines in kinds:
        lines += [
            f"| {kind}s: {len(wrong):,} of {len(next(iter(baselines.values()))):,} are wrong "
            "| average precision | P@50 | P@100 | P@500 | P@planted |",
            "|---|---|---|---|---|---|",
            row_of("**`k3m-kg audit`**", ours[kind], wrong),
            *(row_of(name, scores, wrong) for name, scores in baselines.items()),
            "",
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="The audit on planted noise.")
    parser.add_argument("--catalog", choices=["fashion", "generated"], default="fashion")
    parser.add_argument("--work", type=Path, default=Path("runs/audit"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    work = options.work.resolve() / options.catalog
    work.mkdir(parents=True, exist_ok=True)
    fashion = options.catalog == "fashion"
    artifact = (prepare_fashion if fashion else prepare_generated)(work, options.threads)
    catalog = (Catalog.fashion if fashion else Catalog.generated)(work / "catalog")
    print(report(catalog, artifact, Planted.load(work / "planted.json"), options.threads))


if __name__ == "__main__":
    main()
