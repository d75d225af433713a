"""Parquet files that nobody vouches for.

The library gives up, and the process with it, on some that are damaged. So another process reads
them first: what it survives can be read here.
"""

from __future__ import annotations

from pathlib import Path

from k3m_kg.errors import ConfigError
from k3m_kg.workers.inside import Answer
from k3m_kg.workers.limits import UNLIMITED, Limits
from k3m_kg.workers.process import Task, can_start, working

_RATIO, _SMALL = 100, 1 << 30


def most_unpacked(path: Path) -> int:
    """Bytes that a file may unpack to: a hundred times its size, and 1 GiB in any case.

    Raises:
        OSError: the file is not there.
    """
    return max(_SMALL, _RATIO * path.stat().st_size)


def check_parquet(path: Path, where: str) -> None:
    """Nothing, where a Parquet file can be read whole; takes about a second, and reading it once.

    Raises:
        ConfigError: it cannot, or unpacks to too much.
    """
    if not can_start():
        return
    arguments = {"path": str(path), "most": most_unpacked(path)}
    task = Task(
        "k3m_kg.workers.parquet",
        "read_whole",
        arguments,
        what="reading the Parquet file",
        where=where,
        error=ConfigError,
    )
    # What it may unpack to is the limit.
    with working(task, Limits(memory=UNLIMITED)) as answers:
        for kind, said in answers:
            if kind == "refused":
                raise ConfigError(f"the Parquet file cannot be read: {said}", where=where)


def read_whole(answer: Answer, path: str, most: int) -> None:
    """In the other process: read every row group, and send why it is `refused`."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as packed:
            groups = [packed.metadata.row_group(n) for n in range(packed.metadata.num_row_groups)]
            columns = [group.column(n) for group in groups for n in range(group.num_columns)]
            size = 8 * sum(column.num_values for column in columns)
            if size > most:
                answer.send("refused", f"it unpacks to {size >> 20:,} MiB")
                return
            for number in range(len(groups)):
                packed.read_row_group(number).validate(full=True)
    except Exception as error:  # pyarrow meets any bytes, and raises anything
        lines = str(error).splitlines()
        answer.send("refused", lines[0][:300] if lines else type(error).__name__)
