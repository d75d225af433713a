"""Mappings, configs and overrides that nobody would write: read or refused, in bounded time."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import yaml

from k3m_kg.config import RunConfig, Settings, load_config
from k3m_kg.errors import K3MError
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.model.compose import resolve
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.mapping import load_mapping

from .mutations import attempts, change_bytes, change_yaml

MAPPING = """\
id: sku
title: name
category: kind
image: [photo, "images/{sku}.jpg"]
properties: "*"
links: {related: related to}
rename: {colour: Farbe}
separators: {colour: "|"}
missing: [NA, 0]
missing_in: {size: ["-"]}
delimiter: ";"
quote: null
encoding: utf-8
"""
RICH = """\
id: [sku, name]
title: [name, kind]
category: kind
category_levels: {between: ">", keep: 1, names: [top]}
image: [photo, "images/{sku}.jpg"]
image_table: {file: table.csv, key: sku, path: photo}
leave_out: ["x*"]
pairs: [{name: kind, value: colour, unit: size}, {within: a, name: b.c, value: d}]
unprefixed: [colour]
separators: {colour: {between: "|", escape: "\\\\", quote: "'"}}
cells: {colour: json, photo: html, size: {between: ",", after_name: ":"}}
languages: [en_US, en]
rows: continue
variants: {id: size, own: [colour], link: part of, inherit: false}
optional: ["*"]
header: 1
skip_after_header: 1
skip_at_end: 1
delimiter: ";"
escape: "\\\\"
"""
TABLE = (
    "sku;name;kind;photo;colour;size;related\n1;red mug;mug;a.jpg;red|blue;-;2\n2;cup;mug;;;L;1\n"
)
RUN = """\
snapshot: cut
output: out
image_encoder: {name: patch-vit, size: 32, patch: 8, channels: [8, 8], heads: 2}
text_encoder: {name: bert-wordpiece, vocab_size: 200, layers: 1, heads: 2}
fusion: hard-spl
tasks: [mlm, {name: lpm, weight: 2, scorer: {name: transe, p: 1}}]
model: {hidden: 16, dropout: 0.1, interactor: {layers: 1, heads: 2}}
training:
  epochs: 2
  betas: [0.9, 0.98]
  learning_rate: 1e-3
  device: cpu
validation: {properties: [colour, 007], cut_title: no}
"""
KGE = """\
output: out
triples: {folder: here}
model: {name: transe, p: 1}
loss: {name: nssa, margin: 9.0}
negatives: {sampler: uniform, count: 4, shared: 1}
training: {epochs: 1, learning_rate: 0.05, device: cpu}
"""
KEYS = ("model.hidden", "training.epochs", "fusion", "tasks.lpm.weight", "tasks", "a.b.c", "", ".")


def refused(error: K3MError) -> None:
    assert 0 < len(str(error)) < 40_000


@pytest.mark.parametrize("text", [RUN, KGE], ids=["run", "kge"])
def test_configs(tmp_path: Path, text: str) -> None:
    cls: type[Settings] = RunConfig if text is RUN else KgeConfig
    path = tmp_path / "config.yaml"
    path.write_text(text)
    load_config(cls, path)
    for number in attempts(75):
        rng = random.Random(number)
        path.write_bytes(change_yaml(text.encode(), rng))
        overrides = []
        if rng.random() < 0.3:
            path.write_text(text)
            piece = change_yaml(b"a: 1", rng).decode("utf-8", "replace")
            overrides = [f"{rng.choice(KEYS)}={piece.removeprefix('a: ')}"]
        try:
            found = load_config(cls, path, overrides)
            if isinstance(found, RunConfig):
                resolve(found)
            saved = yaml.safe_dump(found.model_dump(mode="json"), allow_unicode=True)
            path.write_text(saved, encoding="utf-8")
            assert load_config(cls, path) == found, number
        except K3MError as error:
            refused(error)


@pytest.mark.parametrize("text", [MAPPING, RICH], ids=["plain", "rich"])
def test_mappings(tmp_path: Path, text: str) -> None:
    path, table = tmp_path / "mapping.yaml", tmp_path / "table.csv"
    table.write_text(TABLE)
    path.write_text(text)
    list(choose_reader(table, "csv").reader.read(table, path))
    for number in attempts(75):
        rng = random.Random(number)
        path.write_bytes(change_yaml(text.encode(), rng))
        try:
            load_mapping(path)
            list(choose_reader(table, "csv").reader.read(table, path))
        except K3MError as error:
            refused(error)


def test_encodings_are_encodings_of_text(tmp_path: Path) -> None:
    path, table = tmp_path / "mapping.yaml", tmp_path / "table.csv"
    table.write_text(TABLE)
    names = [*_all_encodings(), '"\\0"', "é", "x" * 9_000, "../x", "''", "utf-8\\n", "utf 8"]
    for name in names:
        path.write_text(MAPPING.replace("utf-8", name), encoding="utf-8")
        try:
            list(choose_reader(table, "csv").reader.read(table, path))
        except K3MError as error:
            refused(error)


def _all_encodings() -> list[str]:
    import encodings.aliases

    found = {*encodings.aliases.aliases, *encodings.aliases.aliases.values()}
    more = ("idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined", "mbcs", "oem")
    return sorted(name for name in (*found, *more) if re.fullmatch(r"[\w-]+", name))


def test_random_bytes_are_no_mapping(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    for number in attempts(75):
        rng = random.Random(number)
        path.write_bytes(change_bytes(rng.randbytes(rng.randrange(200)), rng))
        try:
            load_mapping(path)
        except K3MError as error:
            refused(error)
