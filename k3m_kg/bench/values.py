"""ImplicitAVE's tables as a catalog: each row asks one value of one product."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from k3m_kg.errors import CatalogError
from k3m_kg.readers.lines import LineTooLong, short_lines

_COLUMNS = ("id", "images", "category", "texts", "attribute_names", "attribute_values")
_LONGEST_CELL = 1 << 20
_TITLE = "[Title]"


@dataclass(slots=True)
class AskedProducts:
    """Products by id.

    Attributes:
        products: as lines of JSON say them.
        split: where each goes.
        images: folders with pictures.
        notes: what was left out.
    """

    products: dict[str, dict[str, object]] = field(default_factory=dict)
    split: dict[str, str] = field(default_factory=dict)
    images: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_questions(folder: Path) -> AskedProducts:
    """All domains of a folder `data`.

    A product that evaluation asks is no product of training, whatever training's files say.

    Raises:
        CatalogError: files are missing, or have other columns.
    """
    if (folder / "data").is_dir():
        folder = folder / "data"
    places = {
        "test": sorted(folder.glob("evaluation_data/texts/*.tsv")),
        "validation": sorted(folder.glob("training_data/texts/*/val.tsv")),
        "train": sorted(folder.glob("training_data/texts/*/train.tsv")),
    }
    found, doubled = AskedProducts(), 0
    for split, paths in places.items():
        if not paths:
            raise CatalogError(
                f"has no {split} tables",
                where=str(folder),
                hint="training_data/texts/DOMAIN/train.tsv, val.tsv; evaluation_data/texts/*.tsv",
            )
        for path in paths:
            for row in _table(path):
                product = row["id"]
                if found.split.setdefault(product, split) != split:
                    doubled += 1
                    continue
                _add(found, product, row)
    found.images = [
        place
        for place in (
            *sorted(folder.glob("*_data/images")),
            *sorted(folder.glob("training_data/images/*")),
        )
        if place.is_dir()
    ]
    if doubled:
        found.notes.append(
            f"{doubled:,} rows were left out, as their product is asked in evaluation or validation"
        )
    if not found.images:
        found.notes.append("there are no pictures beside the texts: none is seen")
    return found


def _add(found: AskedProducts, product: str, row: dict[str, str]) -> None:
    title = row["texts"].removeprefix(_TITLE).strip()
    entry = found.products.setdefault(
        product,
        {"id": product, "title": title, "category": row["category"], "image": row["images"]},
    )
    entry.setdefault("attributes", {})
    attributes = entry["attributes"]
    assert isinstance(attributes, dict)
    attributes.setdefault(row["attribute_names"], [row["attribute_values"]])


def _table(path: Path) -> Iterator[dict[str, str]]:
    try:
        csv.field_size_limit(_LONGEST_CELL)
        with path.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(
                csv.DictReader(short_lines(lines), delimiter="\t"), start=2
            ):
                if any(row.get(name) is None for name in _COLUMNS):
                    raise CatalogError(
                        f"line {number} has not the columns {', '.join(_COLUMNS)}", where=str(path)
                    )
                yield row
    except (OSError, UnicodeDecodeError, csv.Error, LineTooLong) as error:
        raise CatalogError(f"cannot be read: {error}", where=str(path)) from None


def lines_of(questions: AskedProducts) -> str:
    """The products as JSON Lines."""
    return "".join(
        json.dumps(entry, ensure_ascii=False) + "\n" for entry in questions.products.values()
    )
