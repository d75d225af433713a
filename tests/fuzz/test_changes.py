"""No source whatever makes a change writer fail otherwise than with a clear word.

`K3M_KG_FUZZ` and `K3M_KG_FUZZ_START` are as in `test_readers.py`; each format gets an eighth.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from k3m_kg.errors import K3MError
from k3m_kg.plugin.hookspecs import ReaderPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.plugin.written_back import ProductChange
from k3m_kg.records import ProductRecord
from k3m_kg.writeback.writing import formats_written, write_changes

from .inputs import CONNECTORS, TARGETS, Target, inputs, seeds

COUNT = int(os.environ.get("K3M_KG_FUZZ", "120")) // 5
START = int(os.environ.get("K3M_KG_FUZZ_START", "0"))
SOURCES: dict[str, Target] = {
    name: target
    for name, target in {
        **CONNECTORS,
        **{name: TARGETS[name] for name in ("csv", "magento")},
    }.items()
    if target.reader in formats_written()
}
_NAMES = ("colour", "Weight", "Tags", "Description", "a,b", "x:y", "(z)", "Size", "price", "\u00e9")
_VALUES = ("red", "a, b", "=1", "1 kg", "<b>", "l1\nl2", ";", "\\,", '"', "x" * 300)


def changed(generator: random.Random, record: ProductRecord) -> ProductChange:
    """Some of a product changed."""
    more = [
        (generator.choice(_NAMES), generator.choice(_VALUES)) for _ in range(generator.randrange(4))
    ]
    known = [name for name, _ in record.properties]
    some = generator.sample(known, min(len(known), 2))
    product = replace(record, properties=tuple(dict.fromkeys((*record.properties, *more))))
    return ProductChange(
        product,
        properties=frozenset([*some, *(name for name, _ in more)]),
        title=generator.random() < 0.3,
        category=generator.random() < 0.3,
        images=generator.random() < 0.1,
    )


@pytest.mark.parametrize("name", SOURCES)
def test_any_source_is_written_back_or_refused(tmp_path: Path, name: str) -> None:
    target = SOURCES[name]
    record = registry().get(ReaderPlugin, target.reader)
    assert record.changes is not None
    settings = record.config()
    reader, writer = record.factory(settings), record.changes(settings)
    path, out, mapping = tmp_path / f"input{target.suffix}", tmp_path / "out", None
    if target.mapping is not None:
        mapping = tmp_path / "mapping.yaml"
        mapping.write_text(target.mapping)
    written = 0
    for number, content in enumerate(inputs(name, seeds(target, None), COUNT, START), start=START):
        generator = random.Random(f"changes {name} {number}")
        path.write_bytes(content)
        changes: dict[str, ProductChange] = {}
        try:
            with suppress(K3MError):
                for found in reader.read(path, mapping):
                    if isinstance(found, ProductRecord):
                        changes[found.id] = changed(generator, found)
            with suppress(K3MError):
                report = write_changes(out, name, writer, path, mapping, changes)
                written += report.rows
        except BaseException as error:
            error.add_note(f"input {number} of {name}: {content[:300]!r}")
            raise
    assert written > (0 if name == "google-xml" else COUNT / 10)


def test_every_format_that_is_written_is_attacked() -> None:
    assert {target.reader for target in SOURCES.values()} == set(formats_written())
