"""Writes the demo catalog as a merchant would hand it over: a CSV, a mapping, a folder of pictures.

Cells, titles and pictures are missing or wrong at known rates. What is true of each product, and
what was done to it, goes to `truth.jsonl`, which only the report reads.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from k3m_kg.demo.pictures import draw_picture
from k3m_kg.demo.titles import write_title
from k3m_kg.demo.world import DEPARTMENTS, PROPERTIES, draw
from k3m_kg.files import whole_file, write_text

_NOTHING = ("", "n/a", "-")
"""How this merchant writes that a cell is unknown; the mapping says so to the reader."""

_MAPPING = """\
# How the columns of catalog.csv become products: see docs/cli.md, `k3m-kg ingest`.
id: sku
title: name
image: photo
category: department
properties: [{properties}]
missing: ["n/a", "-"]
"""

BAD_ROWS = 2
"""Rows that cannot become products, which ingest must put into quarantine."""


@dataclass(frozen=True, slots=True)
class Mess:
    """Shares of products with each defect; a wrong title or picture is another product's."""

    title_missing: float = 0.12
    title_wrong: float = 0.06
    image_missing: float = 0.12
    image_wrong: float = 0.06
    cell_missing: float = 0.15


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one product, and what its catalog row shows.

    Attributes:
        id: the product.
        facts: the true value of every property.
        known: the properties whose cell is filled.
        title: `own`, `wrong` or `missing`.
        mentions: the words of the title, as shown, that state a property.
        mentioned: the value behind each of `mentions` (another product's where the title is wrong).
        image: `own`, `wrong` or `missing`.
        pictured: the facts of the product in the picture, empty where it is missing.
    """

    id: str
    facts: dict[str, str]
    known: list[str]
    title: str
    mentions: dict[str, str]
    mentioned: dict[str, str]
    image: str
    pictured: dict[str, str]


@dataclass(frozen=True, slots=True)
class DemoCatalog:
    """Where the generated files are."""

    catalog: Path
    mapping: Path
    images: Path
    truth: Path


def generate(
    folder: Path,
    products: int = 1500,
    seed: int = 0,
    mess: Mess | None = None,
    advance: Callable[[], object] = lambda: None,
) -> DemoCatalog:
    """Write `products` products into `folder`, the same ones for the same seed.

    `advance` is called after each product.
    """
    mess = mess or Mess()
    files = DemoCatalog(
        folder / "catalog.csv", folder / "mapping.yaml", folder / "images", folder / "truth.jsonl"
    )
    files.images.mkdir(parents=True, exist_ok=True)
    columns = ["sku", "name", "department", "photo", *PROPERTIES]
    generator = np.random.default_rng(seed)
    with (
        whole_file(files.catalog) as new_catalog,
        whole_file(files.truth) as new_truth,
        new_catalog.open("w", encoding="utf-8", newline="") as catalog,
        new_truth.open("w", encoding="utf-8") as truths,
    ):
        rows = csv.DictWriter(catalog, columns)
        rows.writeheader()
        for number in range(products):
            row, truth = _product(f"D{number:05d}", files.images, mess, generator)
            rows.writerow(row)
            truths.write(json.dumps(asdict(truth)) + "\n")
            advance()
        plain = csv.writer(catalog)
        plain.writerow(["", "A row without an id", "home", *[""] * (len(columns) - 3)])
        plain.writerow(["D99999", "A row with too many cells", *["x"] * len(columns)])
    write_text(files.mapping, _MAPPING.format(properties=", ".join(PROPERTIES)))
    return files


def _product(
    sku: str, images: Path, mess: Mess, generator: np.random.Generator
) -> tuple[dict[str, str], Truth]:
    facts = draw(generator)
    known = [name for name in PROPERTIES if generator.random() >= mess.cell_missing]
    row = {
        name: facts[name] if name in known else _NOTHING[generator.integers(len(_NOTHING))]
        for name in PROPERTIES
    }

    title_state, title_facts = _shown(facts, mess.title_missing, mess.title_wrong, generator)
    title, mentions = write_title(title_facts, generator) if title_facts else ("", {})

    image_state, image_facts = _shown(facts, mess.image_missing, mess.image_wrong, generator)
    photo = ""
    if image_facts:
        photo = f"{sku}.{'jpg' if generator.random() < 0.5 else 'png'}"
        draw_picture(image_facts, generator).save(images / photo)

    row |= {
        "sku": sku,
        "name": title,
        "department": DEPARTMENTS[facts["product type"]],
        "photo": photo,
    }
    truth = Truth(
        id=sku,
        facts=facts,
        known=known,
        title=title_state,
        mentions=mentions,
        mentioned={name: title_facts[name] for name in mentions},
        image=image_state,
        pictured=image_facts,
    )
    return row, truth


def _shown(
    facts: dict[str, str], missing: float, wrong: float, generator: np.random.Generator
) -> tuple[str, dict[str, str]]:
    """Whose facts a title or picture shows: the product's own, another's, or nobody's."""
    chance = generator.random()
    if chance < missing:
        return "missing", {}
    if chance < missing + wrong:
        return "wrong", draw(generator)
    return "own", facts


def read_truth(path: Path) -> dict[str, Truth]:
    """The truth file, by product id."""
    rows: list[Mapping[str, object]] = [
        json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return {truth.id: truth for truth in (Truth(**row) for row in rows)}  # type: ignore[arg-type]
