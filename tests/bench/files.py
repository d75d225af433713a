"""Tiny files in the layouts in which benchmarks are published."""

from __future__ import annotations

import gzip
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

ENTITIES = [f"e{number}" for number in range(12)]
RELATIONS = ["likes", "made_by"]


def triples(count: int, seed: int) -> list[tuple[str, str, str]]:
    draw = random.Random(seed)
    return [
        (draw.choice(ENTITIES), draw.choice(RELATIONS), draw.choice(ENTITIES)) for _ in range(count)
    ]


def parts() -> dict[str, list[tuple[str, str, str]]]:
    whole = [(one, RELATIONS[0], other) for one, other in pairwise(ENTITIES)]
    whole += [(one, RELATIONS[1], ENTITIES[0]) for one in ENTITIES]
    return {"train": whole + triples(30, 1), "valid": triples(8, 2), "test": triples(8, 3)}


def plain(folder: Path) -> Path:
    """FB15k-237 and WN18RR: tabs between, one file packed."""
    folder.mkdir(parents=True)
    for split, rows in parts().items():
        text = "".join("\t".join(row) + "\n" for row in rows)
        if split == "train":
            with gzip.open(folder / "train.tsv.gz", "wt") as packed:
                packed.write(text)
        else:
            (folder / f"{split}.txt").write_text(text)
    return folder


def openke(folder: Path) -> Path:
    """MKG-W, MKG-Y, DB15K as OpenKE numbers them: head, tail, relation, after a count."""
    folder.mkdir(parents=True)
    for name, labels in (("entity", ENTITIES), ("relation", RELATIONS)):
        rows = [f"{label}\t{number}" for number, label in enumerate(labels)]
        (folder / f"{name}2id.txt").write_text("\n".join([str(len(rows)), *rows]) + "\n")
    for split, rows in parts().items():
        numbered = [
            f"{ENTITIES.index(head)} {ENTITIES.index(tail)} {RELATIONS.index(relation)}"
            for head, relation, tail in rows
        ]
        text = "\n".join([str(len(numbered)), *numbered]) + "\n"
        (folder / f"{split}2id.txt").write_text(text)
    return folder


def ntriples(folder: Path) -> Path:
    """DB15K and MKG-W with IRIs, some in angle brackets, a full stop at the end."""
    folder.mkdir(parents=True)
    for split, rows in parts().items():
        lines = [f"<http://x/{h}> <http://x/{r}> <http://x/{t}> ." for h, r, t in rows[::2]]
        lines += [f"http://x/{h} http://x/{r} http://x/{t} ." for h, r, t in rows[1::2]]
        (folder / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return folder


def openbg(folder: Path) -> Path:
    """OpenBG-IMG: prefixed names, a test without tails, pictures by entity."""
    folder.mkdir(parents=True)
    for split, rows in parts().items():
        name = {"valid": "dev"}.get(split, split)
        cut = 2 if split == "test" else 3
        text = "".join("\t".join(row[:cut]) + "\n" for row in rows)
        (folder / f"OpenBG-IMG_{name}.tsv").write_text(text)
    picture = folder / "OpenBG-IMG_images" / "ent_000001"
    picture.mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(picture / "image_0.jpg")
    return folder


MAKERS = ("acme", "globex", "initech", "")


def _records() -> list[tuple[dict[str, str], dict[str, str]]]:
    found = []
    for number in range(16):
        title = f"photo editor {number} for windows"
        one = {"title": title, "manufacturer": MAKERS[number % 4], "price": f"{number}9.0"}
        other = {"title": f"{title} upgrade", "manufacturer": "", "price": f"{number}8.5"}
        found.append((one, other))
    return found


def _compared(split: str) -> list[tuple[int, int, int]]:
    start = {"train": 0, "valid": 10, "test": 13}[split]
    end = {"train": 10, "valid": 13, "test": 16}[split]
    rows = [(place, place, 1) for place in range(start, end)]
    return rows + [(place, (place + 3) % 16, 0) for place in range(start, end)]


def ditto(folder: Path) -> Path:
    """Amazon-Google as Ditto serialises it."""
    folder.mkdir(parents=True)
    records = _records()
    for split in ("train", "valid", "test"):
        lines = []
        for left, right, same in _compared(split):
            cells = [
                " ".join(f"COL {name} VAL {value}" for name, value in record.items())
                for record in (records[left][0], records[right][1])
            ]
            lines.append(f"{cells[0]}\t{cells[1]}\t{same}\n")
        (folder / f"{split}.txt").write_text("".join(lines))
    return folder


def magellan(folder: Path) -> Path:
    """The same as DeepMatcher's tables."""
    folder.mkdir(parents=True)
    records = _records()
    for side, name in enumerate(("tableA", "tableB")):
        rows = [f"{place},{','.join(pair[side].values())}" for place, pair in enumerate(records)]
        (folder / f"{name}.csv").write_text(
            "\n".join(["id,title,manufacturer,price", *rows]) + "\n"
        )
    for split in ("train", "valid", "test"):
        rows = [",".join(map(str, row)) for row in _compared(split)]
        (folder / f"{split}.csv").write_text("\n".join(["ltable_id,rtable_id,label", *rows]) + "\n")
    return folder


_HEADER = "id\timages\tcategory\ttexts\tattribute_names\tattribute_values"


def implicit(folder: Path) -> Path:
    """ImplicitAVE: tables by domain, one product in training and in evaluation."""
    necks = ("Henley", "Crew Neck", "Halter")
    for path, first, count in (
        ("training_data/texts/Clothing/train.tsv", 0, 40),
        ("training_data/texts/Clothing/val.tsv", 40, 12),
        ("evaluation_data/texts/Clothing_annotated_final.tsv", 39, 13),
    ):
        lines = [_HEADER]
        for number in range(first, first + count):
            mark = "B9" if "evaluation" in path and number > 39 else "B0"
            product, neck = f"{mark}{number}", necks[number % 3]
            title = f'"[Title] Shirt {("plain", "striped", "dotted")[number % 3]} {number}"""'
            lines.append(f"{product}\t{product}.jpg\tShirts\t{title}\tNeckline\t{neck}")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(lines) + "\n")
    return folder
