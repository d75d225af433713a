"""A catalog of any size with realistic skew, for the graph benchmarks.

    python -m benchmarks generated_catalog --products 1000000 --formats tsv parquet nt OUT

Every product has a title and ten triples: a brand (Zipf over 50,000), a category (400), a colour,
material, size, season, year and country (small sets, Zipf), a model name (one in three products
has its own) and a price (some thousand values). Repeats exactly with its seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_PIECE = 100_000
_SMALL = {"colour": 60, "material": 80, "size": 40, "season": 4, "year": 30, "country": 120}


def _zipf(random: np.random.Generator, count: int, among: int) -> np.ndarray:
    """Places 0..among-1, place k with a share of about 1 / (k + 1)."""
    weights = np.cumsum(1 / np.arange(1, among + 1))
    return np.searchsorted(weights, random.random(count) * weights[-1])


def piece(start: int, count: int, seed: int) -> dict[str, list[str]]:
    """Columns of `count` products from number `start` on."""
    random = np.random.default_rng((seed, start))
    numbers = np.arange(start, start + count)
    brand = _zipf(random, count, 50_000)
    category = _zipf(random, count, 400)
    columns = {
        "id": [f"SKU-{n:09d}" for n in numbers],
        "brand": [f"Brand {b}" for b in brand],
        "category": [f"category {c}" for c in category],
    }
    for name, among in _SMALL.items():
        columns[name] = [f"{name} {v}" for v in _zipf(random, count, among)]
    own = random.random(count) < 1 / 3
    common = _zipf(random, count, 20_000)
    columns["model"] = [
        f"M{n:x}" if alone else f"model {m}"
        for n, m, alone in zip(numbers, common, own, strict=True)
    ]
    columns["price"] = [f"{p}.99" for p in _zipf(random, count, 5_000)]
    columns["title"] = [
        f"{b} {c} {v}" for b, c, v in zip(columns["brand"], columns["colour"], common, strict=True)
    ]
    return columns


PROPERTIES = ("brand", "category", *_SMALL, "model", "price")


def write(folder: Path, products: int, formats: list[str], seed: int = 0) -> dict[str, Path]:
    """Write the catalog in each format; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f"catalog-{products}.{name}" for name in formats}
    missing = [name for name, file in files.items() if not file.exists()]
    parts = {name: files[name].with_name(files[name].name + ".part") for name in missing}
    streams = {name: part.open("w") for name, part in parts.items() if name != "parquet"}
    table: pq.ParquetWriter | None = None
    for start in range(0, products, _PIECE) if missing else ():
        columns = piece(start, min(_PIECE, products - start), seed)
        if "parquet" in missing:
            batch = pa.table(columns)
            table = table or pq.ParquetWriter(parts["parquet"], batch.schema)
            table.write_table(batch)
        rows = list(zip(*(columns[name] for name in PROPERTIES), strict=True))
        if "tsv" in streams:
            streams["tsv"].writelines(
                f"{id_}\t{title}\t\t"
                + "#;#".join(f"{n}#:#{v}" for n, v in zip(PROPERTIES, row, strict=True))
                + "\t\n"
                for id_, title, row in zip(columns["id"], columns["title"], rows, strict=True)
            )
        if "nt" in streams:
            streams["nt"].writelines(
                _ntriples(id_, title, row)
                for id_, title, row in zip(columns["id"], columns["title"], rows, strict=True)
            )
    if table:
        table.close()
    for stream in streams.values():
        stream.close()
    for name, part in parts.items():
        part.rename(files[name])
    mapping = folder / "mapping.yaml"
    mapping.write_text(f"id: id\ntitle: title\nproperties: [{', '.join(PROPERTIES)}]\n")
    return files


def _ntriples(id_: str, title: str, row: tuple[str, ...]) -> str:
    subject = f"<https://k3m-kg.org/product/{id_}>"
    lines = [
        f"{subject} <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> "
        "<https://schema.org/Product> .\n",
        f'{subject} <https://schema.org/name> "{title}" .\n',
    ]
    lines += [
        f'{subject} <https://k3m-kg.org/property/{name}> "{value}" .\n'
        for name, value in zip(PROPERTIES, row, strict=True)
    ]
    return "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a generated catalog.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--formats", nargs="+", default=["tsv", "parquet", "nt"])
    options = parser.parse_args()
    for file in write(options.out, options.products, options.formats).values():
        print(f"{file}: {file.stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
