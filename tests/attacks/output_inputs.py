"""Every output of every command, led to everything that it must not harm, by every name of it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

DB = ("--db", "sqlite:///v.db")
KEPT_VECTORS = ("--vectors", "kept.vectors")
INGEST = ("ingest", "source.csv", *DB, "--mapping", "map.yaml")
OUTPUTS: dict[str, tuple[str, ...]] = {
    "ingest image_store": (*INGEST, "--images", "pictures.zip", "--image-store", "@"),
    "ingest quarantine": (*INGEST, "--quarantine", "@"),
    "status html": ("status", *DB, "--html", "@"),
    "export out": ("export", *DB, "@", "--format", "nt"),
    "export out ttl": ("export", *DB, "@", "--format", "ttl"),
    "export out csv": ("export", *DB, "@", "--format", "csv"),
    "export out parquet": ("export", *DB, "@", "--format", "parquet"),
    "snapshot cut out": ("snapshot", *DB, "@"),
    "snapshot cut out split": ("snapshot", *DB, "--split-file", "split.csv", "@"),
    "snapshot export out": ("snapshot", "export", "cut", "@"),
    "snapshot export out pictures": ("snapshot", "export", "cut", "@", "--pictures"),
    "evaluate diagram": ("evaluate", "model", "--snapshot", "cut", "--calibrate", "--diagram", "@"),
    "embed out": ("embed", "model", "--snapshot", "cut", "@"),
    "complete out": ("complete", "model", "--snapshot", "cut", "--out", "@"),
    "classify out": ("classify", "model", "--snapshot", "cut", "--out", "@"),
    "search out": ("search", "model", "Shirt", "--snapshot", "cut", *KEPT_VECTORS, "--out", "@"),
    "search vectors": ("search", "model", "Shirt", "--snapshot", "cut", "--vectors", "@"),
    "match out": ("match", "model", "--snapshot", "cut", *KEPT_VECTORS, *DB, "--out", "@"),
    "match vectors": ("match", "model", "--snapshot", "cut", "--vectors", "@", *DB),
    "embed folder": ("embed", "model", "--snapshot", "cut", "@.vectors"),
    "report out": ("report", "model", "--snapshot", "cut", "--out", "@"),
    "plugins new out": ("plugins", "new", "some-reader", "--kind", "reader", "--out", "@"),
    "pretrain config": ("pretrain", "run.yaml", "--set", "output=@"),
    "kge train config": ("kge", "train", "kge.yaml", "--set", "output=@"),
}
LONG_WORK = ("pretrain config", "kge train config", "evaluate diagram", "report out")
"""They are tried less often, and run only where they are to be refused."""
TARGETS = (
    "v.db", "v.db-wal", "v.db.images/index.db", "v.db.images/ab/cdef", "v.db.sparql/lock",
    "other.db", "source.csv", "map.yaml", "split.csv", "pictures.zip", "run.yaml", "kge.yaml",
    "data/products.csv", "data", "pictures", "pictures/1.png", "kept.vectors",
    "kept.vectors/keys.npy", "docs", "docs/notes.txt",
    "model", "model/model.safetensors", "model/config.yaml", "model/assets", "model/labels.json",
    "model/assets/deep/new", "cut", "cut/latest", "cut/@", "cut/@/products.arrow",
    "cut/@/manifest.json", "other-model/artifact.json", "other-model/deep/er/new", ".", "..",
    "pictures/..",
)  # fmt: skip
"""What is there, files and folders; @ is the snapshot's own name."""
KEPT = ("v.db", "other.db", "model/", "cut/", "other-model/", "map.yaml", "run.yaml", "kge.yaml")
"""What these begin with no command ever overwrites."""


def is_kept(name: str, command: str) -> bool:
    """Whether a file must stay even if the output leads to it by its very name."""
    of_graph = "--db" in OUTPUTS[command]
    read = (*(("source.csv", "data/products.csv") if of_graph else ()), *OUTPUTS[command])
    return name.startswith(KEPT) or name in read


SPECIAL = (
    "/dev/null", "/dev/full", "/dev/fd/1", "/dev/stdout", "/proc/self/mem", "/proc/version", "pipe",
    "socket", "loop", "dangling", "-", "", " ", "new", "new.html", "new/er", "\udcff", "a\nb",
    "\x1b[31m", "x" * 300, "x" * 6_000, "y/" * 2_000, "old.txt", "old.txt/x", "old-folder", "~",
    "new.csv", "new.parquet", "new.nt.gz", "nosuch/new", "%00", "/", "//", "old.CSV",
)  # fmt: skip


def spell(name: str, folder: Path, alias: Path, rng: random.Random) -> str:
    """Another name of the same thing, maybe through a link that is made for it."""
    path = folder / name

    def link(to: Path) -> str:
        alias.symlink_to(to)
        return str(alias)

    def hard(to: Path) -> str:
        if to.is_file():
            alias.hardlink_to(to)
        return str(alias)

    ways: list[Callable[[], str]] = [
        lambda: name,
        lambda: str(path),
        lambda: f"./{name}",
        lambda: f"docs/../{name}",
        lambda: f"nosuch/../{name}",
        lambda: f"{name}/",
        lambda: f"{name}/.",
        lambda: f"//{str(path).lstrip('/')}",
        lambda: str(path).replace("/", "//"),
        lambda: f"/proc/self/cwd/{name}",
        lambda: f"here/{name}",
        lambda: name.upper(),
        lambda: f"{name}\u200b",
        lambda: link(path),
        lambda: link(Path(os.path.relpath(path, alias.parent))),
        lambda: link(path) + "/new",
        lambda: hard(path),
    ]
    return rng.choice(ways)()


def attack(
    number: int, folder: Path, alias: Path, snapshot: str
) -> tuple[list[str | bytes], int | None, str, str]:
    """Words, the bytes that a file may have at most, the kind of output, and where it leads."""
    rng = random.Random(number)
    name, *_ = rng.choices(list(OUTPUTS), [1 if name in LONG_WORK else 4 for name in OUTPUTS])
    ending = rng.choice((".csv", ".parquet", ".jsonl", ""))
    if name in LONG_WORK or rng.random() < 0.75:
        target = rng.choice(TARGETS).replace("@", snapshot)
        alias = alias.with_suffix(ending)
        output = spell(target, folder, alias, rng)
    else:
        target = output = rng.choice(SPECIAL)
    if name == "complete out" and rng.random() < 0.5 and not output.endswith(ending):
        output += ending
    words = [os.fsencode(word).replace(b"@", os.fsencode(output)) for word in OUTPUTS[name]]
    limit = rng.choice((None, None, None, 0, 1, 500, 4_096, 20_000))
    return list(words), limit, name, output
