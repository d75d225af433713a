"""How fast each catalog format is read, beside the bare library that its reader uses.

    python -m benchmarks readers --products 100000 [--formats shopify workbook] [--memory]

The sources are those of `examples/exports`, repeated under other ids; each has about as many
products as asked. Ours makes whole product records. Beside it stand the shortest script that
gives the same products with the library that ours uses (`reader_scripts`), and the bare library
that only parses and throws all away: rows of `csv`, objects of `json`, events of `expat`, rows of
calamine, triples of oxigraph. That ours and the script give the same is seen first, in a small
file. The three run by turns, each in a process of its own: products per second of its CPU, without
imports, the best of the turns; of ours beside the script the median too. With `--memory` the most
that ours takes for a fifth of the products and for all is measured instead, once each.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers import expat

from benchmarks._reader_sources import EXPORTS, SOURCES, TABLE, write_repeated, write_table
from benchmarks._shop_scripts import grouped
from benchmarks.reader_scripts import SCRIPTS


def ours(path: Path, format: str, mapping: Path | None) -> int:
    """Records that our reader gives."""
    from k3m_kg.readers.choosing import choose_reader
    from k3m_kg.records import ProductRecord

    reader = choose_reader(path, format).reader
    return sum(isinstance(record, ProductRecord) for record in reader.read(path, mapping))


def bare(path: Path, library: str, _: Path | None) -> int:
    """What the library gives: rows, objects, elements or triples."""
    if library == "csv":
        with path.open(newline="", encoding="utf-8") as file:
            mark = max(",;\t", key=file.readline().count)
            return sum(1 for _ in csv.reader(file, delimiter=mark))
    if library == "json":
        with path.open(encoding="utf-8") as file:
            return sum(1 for line in file if json.loads(line))
    if library == "json document":
        return len(json.loads(path.read_text()))
    if library == "expat":
        found = [0]
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True

        def start(name: str, attributes: dict[str, str]) -> None:
            found[0] += 1

        parser.StartElementHandler = start
        parser.EndElementHandler = lambda name: None
        parser.CharacterDataHandler = lambda text: None
        with path.open("rb") as file:
            parser.ParseFile(file)
        return found[0]
    if library == "calamine":
        from python_calamine import CalamineWorkbook

        with CalamineWorkbook.from_path(path) as book:
            return sum(1 for _ in book.get_sheet_by_index(0).iter_rows())
    if library == "pyarrow":
        import pyarrow.parquet as pq

        batches = pq.ParquetFile(path).iter_batches()
        return sum(len(batch.to_pylist()) for batch in batches)
    import pyoxigraph as ox

    return sum(1 for _ in ox.parse(path=str(path), format=ox.RdfFormat.N_TRIPLES))


def scripted(path: Path, name: str, _: Path | None) -> int:
    """Products that a short script gives."""
    return sum(1 for _ in SCRIPTS[name](path))


LIBRARIES = {
    "csv": "csv", "workbook": "calamine", "jsonl": "json", "json": "json document",
    "parquet": "pyarrow", "rdf": "oxigraph",
}  # fmt: skip


def _most_memory() -> float:
    """The most MB of this process so far.

    What `getrusage` says includes the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


def measured(
    what: Callable[[Path, str, Path | None], int], path: Path, name: str, mapping: Path | None
) -> tuple[int, float, float, float]:
    """Count, seconds of CPU, MB that memory grew by, and the most it was, in this process."""
    if what is ours:
        from k3m_kg.readers.choosing import choose_reader

        choose_reader(path)  # imports what it needs
    before = _most_memory()
    started = time.process_time()
    count = what(path, name, mapping)
    seconds = time.process_time() - started
    most = _most_memory()
    return count, seconds, most - before, most


def alone(
    which: str, path: Path, name: str, mapping: Path | None
) -> tuple[int, float, float, float]:
    """`measured`, in a process of its own."""
    words = [which, str(path), name, str(mapping or "")]
    command = [sys.executable, "-m", "benchmarks.readers", "--one", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=EXPORTS.parents[1])
    count, seconds, grew, most = json.loads(done.stdout)
    return count, seconds, grew, most


def see_same(name: str) -> None:
    """See that ours and the script give the same products of a small file, in whatever order."""
    from k3m_kg.readers.choosing import choose_reader
    from k3m_kg.records import ProductRecord

    with tempfile.TemporaryDirectory() as folder:
        path, format, _, mapping = _written(name, 60, Path(folder))
        read = choose_reader(path, format).reader.read(path, mapping)
        first = sorted(
            (_shown(record) for record in read if isinstance(record, ProductRecord)), key=_id
        )
        second = sorted(({"links": []} | product for product in SCRIPTS[name](path)), key=_id)
    for one, other in zip(first, second, strict=True):
        other["links"].sort()
        if one != other:
            raise SystemExit(f"{name}: ours gives\n{one}\nand the script\n{other}")


def _shown(record: Any) -> dict[str, Any]:
    return {
        "id": record.id, "title": record.title, "category": record.category,
        "pictures": list(record.images), "properties": grouped(record.properties),
        "links": sorted(record.links),
    }  # fmt: skip


def _id(product: dict[str, Any]) -> str:
    return str(product["id"])


def _written(name: str, products: int, folder: Path) -> tuple[Path, str, str, Path | None]:
    """A source of that many products: file, format, library beside it, and mapping."""
    if name in SOURCES:
        source = SOURCES[name]
        path = folder / source.file
        write_repeated(source, products, path)
        mapping = EXPORTS / source.mapping if source.mapping else None
        format = name.removesuffix("-lines").removesuffix("-rss")
        format = {"salsify-json": "salsify", "json-api": "json"}.get(format, format)
        return path, format, source.library, mapping
    path = folder / f"table.{ {'workbook': 'xlsx', 'rdf': 'nt'}.get(name, name) }"
    return path, name, LIBRARIES[name], write_table(name, products, path)


def _print_memory(names: list[str], products: int) -> None:
    print(f"| format | products | MB | products | MB |\n|{'---|' * 5}")
    for name in names:
        said = [name]
        for count in (products // 5, products):
            with tempfile.TemporaryDirectory() as folder:
                path, format, _, mapping = _written(name, count, Path(folder))
                read, _, _, most = alone("ours", path, format, mapping)
                said += [f"{read:,}", f"{most:.0f}"]
        print(f"| {' | '.join(said)} |", flush=True)


def _print_rates(name: str, products: int, turns: int) -> None:
    see_same(name)
    seconds: list[list[float]] = [[], [], []]
    with tempfile.TemporaryDirectory() as folder:
        path, format, library, mapping = _written(name, products, Path(folder))
        for _ in range(turns):
            count, taken, _, _ = alone("ours", path, format, mapping)
            seconds[0].append(taken)
            given, taken, _, _ = alone("script", path, name, None)
            seconds[1].append(taken)
            if given != count:
                raise SystemExit(f"{name}: {count:,} products, and {given:,} of the script")
            seconds[2].append(alone("bare", path, library, None)[1])
    ours, script, bare = map(min, seconds)
    medians = [statistics.median(each) for each in seconds]
    print(
        f"| {name} | {count:,} | {count / ours:,.0f} | {count / script:,.0f} "
        f"| {script / ours:.2f} | {medians[1] / medians[0]:.2f} "
        f"| {library} {count / bare:,.0f} | {bare / ours:.2f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    known = [*SOURCES, *TABLE]
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--formats", nargs="*", default=known, choices=known, metavar="NAME")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    if options.one is not None:
        which, path, name, mapping = options.one
        what = {"ours": ours, "bare": bare, "script": scripted}[which]
        print(json.dumps(measured(what, Path(path), name, Path(mapping) if mapping else None)))
        return
    if options.memory:
        _print_memory(options.formats, options.products)
        return
    print(
        "| format | products | ours, products/s | script | of it: best | median | bare | of it |\n"
        f"|{'---|' * 8}"
    )
    for name in options.formats:
        _print_rates(name, options.products, options.turns)


if __name__ == "__main__":
    main()
