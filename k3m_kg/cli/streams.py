"""Standard streams that are closed, full or no longer read: one message, and nothing else harmed.

A closed descriptor is more than a missing stream: the next file that is opened gets its number, and
what a library then writes to standard error lands in the database.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress

from k3m_kg.errors import K3MError

_STDIN, _STDOUT, _STDERR = 0, 1, 2


class OutputError(K3MError):
    """Standard output cannot be written; what the command did beside is done."""


def occupy() -> None:
    """Give closed standard descriptors something to lead to, before any file is opened.

    Messages then go nowhere, which is what was asked for. A closed standard output refuses what is
    written to it, so that a result is not lost in silence.
    """
    for descriptor, mode in ((_STDIN, os.O_RDONLY), (_STDOUT, os.O_RDONLY), (_STDERR, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)  # the lowest free number: this one
    if sys.stdin is None:
        sys.stdin = os.fdopen(_STDIN, "r", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(_STDOUT, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(_STDERR, "w", closefd=False)


class _Output(io.TextIOWrapper):
    """Standard output: what cannot be written is told as that, whoever writes to it."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise output_error(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise output_error(error) from None


class _Messages(io.TextIOWrapper):
    """Standard error: nobody can be told that it cannot be written."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def take_over() -> None:
    """Let what libraries write, such as a usage message, fail like what commands write."""
    for name, cls in (("stdout", _Output), ("stderr", _Messages)):
        old = getattr(sys, name)
        if type(old) is io.TextIOWrapper:  # not what a test has put there
            line_buffering, write_through = old.line_buffering, old.write_through
            encoding, errors = old.encoding, old.errors
            new = cls(
                old.detach(),
                encoding=encoding,
                errors=errors,
                line_buffering=line_buffering,
                write_through=write_through,
            )
            setattr(sys, name, new)


def write_output(text: str) -> None:
    """Write to standard output.

    Raises:
        OutputError: it is full or closed.
        BrokenPipeError: its reader has gone.
    """
    try:
        sys.stdout.write(text)
    except OSError as error:
        raise output_error(error) from None


def write_message(text: str) -> None:
    """Write to standard error, if it can be written."""
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


def output_error(error: OSError) -> OSError | OutputError:
    """What to raise for a failed write to standard output."""
    if isinstance(error, BrokenPipeError):
        return error
    closed = error.errno == errno.EBADF
    reason = "it is closed" if closed else error.strerror or str(error)
    return OutputError(
        f"standard output cannot be written: {reason}", hint="what was done beside stays done"
    )


def finish() -> None:
    """Bring standard output to its reader while a failure can still be told.

    Raises:
        OutputError: it is full or closed.
        BrokenPipeError: its reader has gone.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise output_error(error) from None


def give_up() -> None:
    """Let what could not be written go, so that the interpreter does not try again at its end."""
    for stream, descriptor in ((sys.stdout, _STDOUT), (sys.stderr, _STDERR)):
        try:
            stream.flush()
        except (OSError, ValueError, OutputError):
            with suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
