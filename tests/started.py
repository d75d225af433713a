"""The command line, begun as a user begins it, but for many calls with one start of Python.

A process is started in a locale, as `k3m-kg` is. For each call it forks one that gets its own
words, folder, variables and standard streams, closed ones too, as Python would have made them, and
ends as Python ends. What such a process does is the command's own `main`, from its first line to
its exit code; its workers are forked too. What one imports, those after it have.
"""

from __future__ import annotations

import json
import os
import select
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.processes import HANG, INJECT

_KEPT = ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH")
_CODE = (
    INJECT
    + """
import os, sys
from k3m_kg.cli.encoding import restart_in_utf8
restart_in_utf8()
import gc, importlib, json, resource, signal

def begin(asked):
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(os.fsencode(asked["folder"]))
    os.environ.update(asked["variables"])
    told = os.dup(1)
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
    if asked["at"] is not None:
        inject(*asked["at"])
    os.write(told, b"%d\\n" % os.getpid())
    os.close(told)

def learn(names):
    sys.dont_write_bytecode = False  # here no limit of sizes would cut such files off
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            pass  # what cannot be imported by itself, a command imports as it does
    if plugins := sys.modules.get("k3m_kg.plugin.registry"):
        plugins.registry()
    sys.dont_write_bytecode = True
    gc.freeze()

def serve(learnt):
    from tests.forked import fork_workers
    fork_workers()
    learn(os.environ.pop("K3M_KG_TEST_IMPORTS").split())
    while line := os.read(0, 1 << 20):
        while not line.endswith(b"\\n"):
            line += os.read(0, 1 << 20)
        asked = json.loads(line)
        if "wait" in asked:
            _, status, used = os.wait4(asked["wait"], 0)
            told = [os.waitstatus_to_exitcode(status), used.ru_maxrss << 10]
            os.write(1, json.dumps(told).encode() + b"\\n")
            continue
        if os.path.exists(learnt):
            with open(learnt) as file:
                learn(file.read().split())
            os.unlink(learnt)
        if not os.fork():
            begin(asked)
            return
    os._exit(0)

learnt = os.path.abspath(sys.argv[1])
serve(learnt)
import traceback
known, code = set(sys.modules), 0
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
try:
    if fresh := [name for name in sys.modules if name not in known]:
        with open(learnt, "a") as file:
            file.write(" ".join(fresh) + " ")
except OSError:
    pass  # with a limit of sizes
os._exit(code)
"""
)


@dataclass(frozen=True, slots=True)
class Done:
    """How a call ended: its exit code, less than 0 for a signal; what it said; bytes of memory."""

    code: int
    out: bytes
    err: bytes
    memory: int


class Begun:
    """A call that goes on."""

    def __init__(self, started: Started, pid: int, pipes: Mapping[int, int], what: object) -> None:
        self.pid = pid
        self._started = started
        self._pipes = pipes
        self._what = what

    def kill(self) -> None:
        """End it at once, but for what it started."""
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> Done:
        """Wait until it and all that it started have ended.

        Raises:
            AssertionError: they hang.
        """
        said = {number: bytearray() for number in (1, 2)}
        with selectors.DefaultSelector() as selector:
            for number, pipe in self._pipes.items():
                selector.register(pipe, selectors.EVENT_READ, number)
            while selector.get_map():
                ready = selector.select(HANG)
                if not ready:
                    self.kill()
                assert ready, f"it hangs: {self._what}, after it said {bytes(said[2])!r}"
                for key, _ in ready:
                    if part := os.read(key.fd, 1 << 16):
                        said[key.data] += part
                    else:
                        selector.unregister(key.fd)
                        os.close(key.fd)
        code, most = json.loads(self._started.ask({"wait": self.pid}))
        return Done(code, bytes(said[1]), bytes(said[2]), most)


class Started:
    """A process that was started in a locale, and begins a command for each call.

    Args:
        variables: of its environment, beside the few that any process needs.
        imports: modules that it has from its start.
    """

    def __init__(self, variables: Mapping[str, str], imports: Sequence[str] = ()) -> None:
        given = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._folder = Path(tempfile.mkdtemp(prefix="k3m-kg-started"))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE, str(self._folder / "learnt")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=Path(__file__).parent.parent,
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
        **options: Any,
    ) -> Done:
        """Run a command, see `begin`."""
        return self.begin(words, folder, variables, **options).end()

    def begin(
        self,
        words: Sequence[str | bytes],
        folder: Path,
        variables: Mapping[str, str | bytes] | None = None,
        *,
        streams: Mapping[int, str | None] | None = None,
        file_size: int | None = None,
        memory: int | None = None,
        at: tuple[str, int, int] | None = None,
    ) -> Begun:
        """Begin a command.

        Args:
            words: of the command line.
            folder: the current one.
            variables: more of the environment.
            streams: by number, the path that a standard stream leads to, or None: it is closed.
            file_size: bytes that a file may have, as on a disk that is full.
            memory: bytes of data that the process may hold.
            at: `module:name`, how often it is called, and the signal that the process gets then.
        """
        leading: dict[int, str | None] = {0: os.devnull} | dict(streams or {})
        pipes = {number: self._pipe(number) for number in (1, 2) if number not in leading}
        leading |= {number: str(self._folder / str(number)) for number in pipes}
        asked = {
            "words": [os.fsencode(word).hex() for word in words],
            "folder": str(folder),
            "variables": {name: os.fsdecode(value) for name, value in (variables or {}).items()},
            "streams": [leading[number] for number in range(3)],
            "file_size": file_size,
            "memory": memory,
            "at": at,
        }
        return Begun(self, int(self.ask(asked)), pipes, words)

    def _pipe(self, number: int) -> int:
        """The end of a named pipe that can be read: nobody who holds it is missed or waited for."""
        path = self._folder / str(number)
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def ask(self, what: object) -> bytes:
        """The line that the process answers with.

        Raises:
            AssertionError: it hangs or has ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        return read_line(self._process, what)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        shutil.rmtree(self._folder)


def read_line(process: subprocess.Popen[bytes], what: object) -> bytes:
    """A line that a process says.

    Raises:
        AssertionError: it hangs or has ended.
    """
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], HANG)[0]:
        process.kill()
        raise AssertionError(f"it hangs: {what}")
    line = process.stdout.readline()
    assert line, f"it ended: {what}"
    return line


@pytest.fixture(scope="session")
def started() -> Iterator[Callable[[Mapping[str, str]], Started]]:
    """Gives the one process that was started with some variables."""
    known: dict[tuple[tuple[str, str], ...], Started] = {}

    def of(variables: Mapping[str, str]) -> Started:
        key = tuple(sorted(variables.items()))
        if key not in known:
            known[key] = Started(variables)
        return known[key]

    yield of
    for one in known.values():
        one.close()
