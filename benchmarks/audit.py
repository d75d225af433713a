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
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.fashion_k3m import ROOT, k3m_kg

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


def main() -> None:
    parser = argparse.ArgumentParser(description="The audit on planted noise.")
    parser.add_argument("--catalog", choices=["fashion", "generated"], default="fashion")
    parser.add_argument("--work", type=Path, default=Path("runs/audit"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    work = options.work.resolve() / options.catalog
    work.mkdir(parents=True, exist_ok=True)
    prepare = prepare_fashion if options.catalog == "fashion" else prepare_generated
    artifact = prepare(work, options.threads)
    print(artifact)


if __name__ == "__main__":
    main()
