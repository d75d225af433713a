"""`k3m-kg search`: products by words, a picture, or another product."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from k3m_kg.cli.console import JsonFlag, note, print_json, progress_bar, say
from k3m_kg.cli.outputs import guard
from k3m_kg.cli.using import (
    ArtifactArgument,
    BatchSizeOption,
    DeviceOption,
    PrecisionOption,
    SnapshotOption,
    Stages,
    VectorsOption,
    kept_with_progress,
    note_unknown,
    one_of,
    open_with_progress,
)
from k3m_kg.errors import UsageError

if TYPE_CHECKING:
    from k3m_kg.search.found import FoundProduct
    from k3m_kg.search.searching import Searcher


def search(
    artifact: ArtifactArgument,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="What to search for, such as a title.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="A picture of a product.")
    ] = None,
    like: Annotated[
        str | None, typer.Option("--like", metavar="ID", help="A product of the catalog.")
    ] = None,
    top: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="K", help="So many products.")
    ] = 10,
    by: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="How a text is searched for: by its words, by the model's reading of it, or both.",
        ),
    ] = "both",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write them to .csv, .jsonl or .parquet."),
    ] = None,
    snapshot: SnapshotOption = None,
    vectors: VectorsOption = None,
    batch_size: BatchSizeOption = 256,
    device: DeviceOption = "auto",
    dtype: PrecisionOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Find products by TEXT, by a picture, or like another product; the best first.

    The vectors of all products are made when they are first needed, and kept.
    """
    if sum(asked is not None for asked in (text, picture, like)) != 1:
        raise UsageError("one of TEXT, --picture and --like says what to search for")
    guard("--out", out, artifact=artifact, snapshot=snapshot, files=[("the picture", picture)])
    guard("--vectors", vectors, artifact=artifact, snapshot=snapshot)
    from k3m_kg.search.searching import WAYS, Searcher
    from k3m_kg.use.tables import check_table

    one_of("way", by, WAYS, "--by")
    if out is not None:
        check_table(out)
    with progress_bar(disable=as_json) as bar:
        stages = Stages(bar)
        opened = open_with_progress(
            artifact, snapshot, device, stages, precision=dtype, ranks=False
        )
        searcher = Searcher(opened, kept_with_progress(opened, vectors, stages, batch_size))
        found = _found(searcher, text, picture, like, top, by)
    note_unknown(opened, opened.rows())
    if text is not None and by == "both" and not searcher.reads("title"):
        note("this model reads no titles: words alone were searched for")
    if out is not None:
        _write(out, found)
    if as_json:
        print_json([one.record() for one in found])
    elif out is None:
        for one in found:
            say(f"{one.score:8.4f}  {one.by:5}  {one.product}  {one.title or ''}".rstrip())
        if not found:
            note("nothing was found")


def _found(
    searcher: Searcher, text: str | None, picture: Path | None, like: str | None, top: int, by: str
) -> list[FoundProduct]:
    from k3m_kg.search.asked import read_picture

    snapshot = searcher.opened.snapshot
    if picture is not None:
        return searcher.by_pictures([read_picture(picture, snapshot)], top)[0]
    if like is not None:
        return searcher.like(snapshot.row_of([like]).tolist(), top)[0]
    assert text is not None
    return searcher.by_texts([text], top, by)[0]  # type: ignore[arg-type]


def _write(out: Path, found: list[FoundProduct]) -> None:
    import pyarrow as pa

    from k3m_kg.use.tables import write_records

    text = pa.string()
    schema = pa.schema([("product", text), ("title", text), ("score", pa.float32()), ("by", text)])
    write_records(out, (one.record() for one in found), schema)
    note(f"{len(found):,} products in {out}")
