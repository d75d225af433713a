"""Physical lines with numbers and a bound on their length, whatever the file holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import BinaryIO, Protocol

MAX_LINE = 1 << 20
"""Bytes (or characters) that a line may have: no file can make a reader hold more."""

MAX_ROW = 2 * MAX_LINE
"""Characters that the lines of one row may have together."""
BLOCK = MAX_LINE // 4
"""Bytes that are read at once."""


_ENDS = ("\n", "\r")


class LineTooLong(Exception):  # noqa: N818  (control flow between our own readers)
    """A line exceeds `MAX_LINE`; the rest of it was skipped, or is not to be read."""


class RowTooLong(Exception):  # noqa: N818
    """The lines since `mark` exceed `MAX_ROW`."""


def byte_lines(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Each line without its end, and whether it was cut because it is too long."""
    while line := file.readline(MAX_LINE + 1):
        whole = line.endswith(b"\n") or len(line) <= MAX_LINE
        if not whole:
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
        yield line.rstrip(b"\r\n"), not whole


def line_blocks(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Whole lines in blocks, and whether the last line of the block was cut: it is too long.

    A block may be longer than `MAX_LINE`, and only such a one can hold a line that is.
    """
    while block := file.read(BLOCK):
        cut = False
        if not block.endswith(b"\n"):
            rest = file.readline(MAX_LINE + 1)
            block += rest
            if len(rest) > MAX_LINE and not rest.endswith(b"\n"):
                cut = True
                while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                    pass
        yield block, cut


def split_block(block: bytes, cut: bool) -> Iterator[tuple[bytes, bool]]:
    """Each line of a block without its end, and whether it is too long."""
    lines = block.removesuffix(b"\n").split(b"\n")
    for number, line in enumerate(lines, start=1):
        too_long = len(line) > MAX_LINE or (cut and number == len(lines))
        yield line.rstrip(b"\r"), too_long


class LineSource(Protocol):
    """Where lines come from: a text file, or what can be read as one."""

    def readline(self, size: int = -1, /) -> str:
        """The next line, or its first characters; empty at the end."""
        ...

    def read(self, size: int = -1, /) -> str:
        """The next characters; empty at the end."""
        ...


def short_lines(file: LineSource) -> Iterator[str]:
    """Lines with their ends, of a file in which one that is too long is no row but an error.

    Raises:
        LineTooLong: one exceeds the bound; it is not read to its end, which it may not have.
    """
    while line := file.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise LineTooLong(f"a line of more than {MAX_LINE >> 20} MiB")
        yield line


class TextLines(Iterator[str]):
    """Lines of a text file for `csv.reader`, which can be taken back.

    `mark` begins a row; `rewind` gives back every line of that row but the first, so that a
    quote that never closes costs one row and not the rest of the file.

    Attributes:
        line: number of the line that was read last.
        read: characters handed out, those that were given back and read again included.
        delimiter: of the cells, where the source itself tells it.
    """

    delimiter: str | None = None

    def __init__(self, file: LineSource) -> None:
        self.line = 0
        self.read = 0
        self._in_row = 0
        self._file = file
        self._row: list[str] = []
        self._returned: deque[str] = deque()

    def __next__(self) -> str:
        """The next line with its end.

        Raises:
            LineTooLong: it exceeds the bound and was skipped.
            RowTooLong: the row does, and can be taken back.
        """
        text = self._returned.popleft() if self._returned else self._file.readline(MAX_LINE + 1)
        if not text:
            raise StopIteration
        self.line += 1
        if len(text) > MAX_LINE and (len(text) > MAX_LINE + 1 or not text.endswith(_ENDS)):
            while text and not text.endswith(_ENDS):
                text = self._file.readline(MAX_LINE)
            raise LineTooLong
        self._row.append(text)
        self.read += len(text)
        self._in_row += len(text)
        if self._in_row > MAX_ROW:
            raise RowTooLong
        return text

    def block(self) -> str:
        """The text of the next lines, as many as are read at once; `took` says how many were used.

        Empty where lines were given back, at the end of the file, and where a line is too long.
        """
        if self._returned:
            return ""
        text = self._file.read(BLOCK)
        if not text.endswith("\n"):
            rest = self._file.readline(MAX_LINE + 1)  # the second half of `\r\n`, too
            text += rest
            if len(rest) > MAX_LINE - BLOCK:
                self._returned.extend(StringIO(text, newline=""))
                return ""
        return text

    @property
    def has_returned(self) -> bool:
        """Whether lines were given back."""
        return bool(self._returned)

    def took(self, lines: int, characters: int) -> None:
        """Count lines of a block that make whole rows."""
        self._row.clear()
        self._in_row = 0
        self.line += lines
        self.read += characters

    def give_all_back(self, lines: Sequence[str]) -> None:
        """Have the rest of a block read next, line by line."""
        self._returned.extendleft(reversed(lines))

    def number(self, line: int) -> int:
        """What a line is called, counted from 1, where the source is more than its lines."""
        return line

    def mark(self) -> None:
        """A new row begins at the next line."""
        self._row.clear()
        self._in_row = 0

    def row_lines(self) -> list[str]:
        """The lines of the row so far, each with its end."""
        return list(self._row)

    def row_text(self) -> str:
        """The lines of the row so far."""
        return "".join(self._row)

    def give_back(self, line: str) -> None:
        """Have `line` read again next."""
        self._returned.appendleft(line)
        self.line -= 1

    def rewind(self) -> int:
        """Give back all but the first line of the row; the characters given back."""
        first, *rest = self._row
        for line in reversed(rest):
            self.give_back(line)
        self._row = [first]
        self._in_row = len(first)
        return sum(map(len, rest))
