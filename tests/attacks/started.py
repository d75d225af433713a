"""The command line, begun as a user begins it, but for many inputs with one start of Python.

A process is started in a locale, as `k3m-kg` is, and imports what commands import. For each call
it forks one that gets its own words, folder, variables and standard streams, closed ones too, as
Python would have made them, and ends as Python ends. What such a process does is the command's own
`main`, from its first line to its exit code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.processes import HANG

_KEPT = ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH")
_CODE = """
import os, sys
from k3m_kg.cli.encoding import restart_in_utf8
restart_in_utf8()
import gc, importlib, json, resource, signal

def begin(asked):
    os.setsid()
    os.chdir(os.fsencode(asked["folder"]))
    os.environ.update(asked["variables"])
    for number, path in enumerate(asked["streams"]):
        if path is not None:
            flags = os.O_RDONLY if not number else os.O_WRONLY | os.O_CREAT | os.O_APPEND
            opened = os.open(path, flags)
            os.dup2(opened, number)
            os.close(opened)
    for number, path in enumerate(asked["streams"]):
        if path is None:
            os.close(number)
    names = ("stdin", "stdout", "stderr")
    for number, (name, path) in enumerate(zip(names, asked["streams"])):
        old, new = getattr(sys, name), None
        if path is not None:
            errors = "backslashreplace" if number == 2 else old.errors
            mode = "w" if number else "r"
            new = open(number, mode, encoding=old.encoding, errors=errors, closefd=False)
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    if asked["file_size"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_size"],) * 2)
    if asked["memory"] is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (asked["memory"],) * 2)
    sys.argv = ["k3m-kg", *map(os.fsdecode, map(bytes.fromhex, asked["words"]))]
    sys.orig_argv = [sys.executable, "-c", "", *sys.argv[1:]]

def serve():
    for module in os.environ.pop("K3M_KG_TEST_IMPORTS").split():
        importlib.import_module(module)
    gc.freeze()
    while line := os.read(0, 1 << 20):
        while not line.endswith(b"\\n"):
            line += os.read(0, 1 << 20)
        child = os.fork()
        if not child:
            begin(json.loads(line))
            return
        _, status, used = os.wait4(child, 0)
        told = [os.waitstatus_to_exitcode(status), used.ru_maxrss << 10]
        os.write(1, json.dumps(told).encode() + b"\\n")
    os._exit(0)

serve()
import traceback
code = 0
try:
    from k3m_kg.cli.app import main
    main()
except SystemExit as end:  # what Python does then, but for the end of all modules: seconds
    code = end.code if isinstance(end.code, int) else int(end.code is not None)
except BaseException:
    traceback.print_exc()
    code = 1
for stream in (sys.stdout, sys.stderr):
    if stream is not None:
        stream.flush()
os._exit(code)
"""
_COMMANDS = ("init", "migrate", "ingest", "status", "diff", "undo", "validate", "export", "sparql",
             "snapshot", "pretrain", "evaluate", "embed", "complete", "audit", "kge",
             "plugins")  # fmt: skip
IMPORTS = (
    *(f"k3m_kg.cli.commands.{name}" for name in _COMMANDS),
    "k3m_kg.cli.app", "k3m_kg.graph.store", "k3m_kg.readers.choosing", "sqlite3", "pyarrow.parquet",
    "rich.progress", "pyoxigraph", "k3m_kg.training.pretrain", "k3m_kg.kge.training",
    "k3m_kg.use.open_artifact", "k3m_kg.evaluation.running", "scipy.stats",
    *(f"k3m_kg_{name}" for name in ("vision", "text", "fusion", "tasks", "interactors",
                                    "structures")),
)  # fmt: skip
"""What commands import: with it, none of them takes the time of the start again."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a call ended: its exit code, less than 0 for a signal; what it said; bytes of memory."""

    code: int
    out: bytes
    err: bytes
    memory: int


class Started:
    """A process that was started in a locale, and begins a command for each call.

    Args:
        variables: of its environment, beside the few that any process needs.
        imports: modules that it has, so that no command need read them again.
    """

    def __init__(self, variables: Mapping[str, str], imports: Sequence[str] = IMPORTS) -> None:
        given = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._folder = Path(tempfile.mkdtemp(prefix="k3m-kg-started"))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={
                **given,
                "OMP_NUM_THREADS": "1",
                "PYTHONDONTWRITEBYTECODE": "1",  # a limit of sizes would cut such files off
                "K3M_KG_TEST_IMPORTS": " ".join(imports),
                **variables,
            },
        )

    def __call__(
        self,
        words: Sequence[str | bytes],
        folder: Path,
        variables: Mapping[str, str | bytes] | None = None,
        *,
        streams: Mapping[int, str | None] | None = None,
        file_size: int | None = None,
        memory: int | None = None,
    ) -> Done:
        """Run a command.

        Args:
            words: of the command line.
            folder: the current one.
            variables: more of the environment.
            streams: by number, the path that a standard stream leads to, or None: it is closed.
            file_size: bytes that a file may have, as on a disk that is full.
            memory: bytes of data that the process may hold.

        Raises:
            AssertionError: it hangs.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        files = [self._folder / name for name in ("out", "err")]
        for file in files:
            file.write_bytes(b"")
        leading: dict[int, str | None] = {0: os.devnull, 1: str(files[0]), 2: str(files[1])}
        leading |= streams or {}
        asked: dict[str, Any] = {
            "words": [os.fsencode(word).hex() for word in words],
            "folder": str(folder),
            "variables": {name: os.fsdecode(value) for name, value in (variables or {}).items()},
            "streams": [leading[number] for number in range(3)],
            "file_size": file_size,
            "memory": memory,
        }
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        answer = read_line(self._process, words)
        code, most = json.loads(answer)
        return Done(code, files[0].read_bytes(), files[1].read_bytes(), most)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        for file in self._folder.iterdir():
            file.unlink()
        self._folder.rmdir()


def read_line(process: subprocess.Popen[bytes], what: object) -> bytes:
    """A line that a process says.

    Raises:
        AssertionError: it hangs or has ended.
    """
    import select

    assert process.stdout is not None
    if not select.select([process.stdout], [], [], HANG)[0]:
        process.kill()
        raise AssertionError(f"it hangs: {what}")
    line = process.stdout.readline()
    assert line, f"it ended: {what}"
    return line
