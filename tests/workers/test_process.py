"""A worker ends within its limits, and what became of it is one clear error."""

from __future__ import annotations

import errno
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from k3m_kg.errors import CatalogError, UsageError
from k3m_kg.workers import process as processes
from k3m_kg.workers.limits import Limits
from k3m_kg.workers.process import Task, working

on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="the kernel enforces no limit of memory here"
)


def task(name: str, **arguments: Any) -> Task:
    return Task(
        "tests.workers.attacks", name, arguments, what="the work", where="x", error=CatalogError
    )


def values(name: str, limits: Limits | None = None, **arguments: Any) -> list[Any]:
    with working(task(name, **arguments), limits or Limits()) as answers:
        return [content for _, content in answers]


def test_plain_data_comes_as_it_was_sent() -> None:
    sent = ["a", 1, None, ["é", {"k": [1.5, True]}], "x" * 3_000_000]
    assert values("echo", values=sent) == sent


def test_an_error_is_the_same_error() -> None:
    with pytest.raises(UsageError) as found:
        values("wrong")
    assert (found.value.message, found.value.where, found.value.hint) == (
        "is wrong", "here", "mend it",
    )  # fmt: skip


def test_a_bug_is_told_as_one() -> None:
    with pytest.raises(RuntimeError, match="in the process for the work:\nTraceback"):
        values("bug")


def test_a_panic_of_native_code_is_an_error() -> None:
    with pytest.raises(CatalogError, match="x: the work failed: index out of bounds"):
        values("panic")


def test_time(started: list[subprocess.Popen[bytes]]) -> None:
    with pytest.raises(CatalogError, match=r"x: the work took longer than 0\.2 s and was stopped"):
        values("forever", Limits(0.2))
    assert started[0].poll() is not None


@on_linux
@pytest.mark.parametrize("name", ["much_memory", "much_answer"])
def test_memory(name: str) -> None:
    assert values("much_memory", Limits(memory=256 << 20), size=1 << 20) == [1 << 20]
    with pytest.raises(CatalogError, match="the work needed more than 256 MiB of memory"):
        values(name, Limits(memory=256 << 20), size=300 << 20)


@on_linux
def test_memory_that_native_code_takes() -> None:
    with pytest.raises(CatalogError, match="the work needed more than 200 MiB of memory"):
        values("native_memory", Limits(memory=200 << 20))


@pytest.mark.parametrize(
    ("number", "hint"),
    [(signal.SIGSEGV, "crashed"), (signal.SIGABRT, "crashed"), (signal.SIGKILL, "memory ran out")],
)
def test_a_crash(number: signal.Signals, hint: str) -> None:
    with pytest.raises(CatalogError, match=f"the work was ended by {number.name}") as found:
        values("killed", number=number)
    assert hint in str(found.value.hint)


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("  what():  Resource temporarily unavailable", "gives it no more threads", "ulimit -v"),
        ("memory allocation of 200 bytes failed", "needed more than 128 MiB of memory", "--memory"),
        ("double free or corruption", "was ended by SIGABRT", "crashed"),
    ],
)
def test_what_native_code_says_before_it_gives_up(said: str, message: str, hint: str) -> None:
    with pytest.raises(CatalogError, match=message) as found:
        values("gives_up", Limits(memory=128 << 20), said=said)
    assert hint in str(found.value.hint)


@on_linux
def test_memory_that_the_system_refuses_is_not_the_limit_of_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "system_memory", lambda: 1 << 30)
    with pytest.raises(CatalogError, match="the system gives it no more memory") as found:
        values("gives_up", Limits(memory=2 << 30), said="memory allocation of 200 bytes failed")
    assert "ulimit -v" in str(found.value.hint)


@pytest.mark.parametrize("reason", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_a_process_that_the_system_refuses_is_an_error(
    reason: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(reason, os.strerror(reason))

    for module, name in ((subprocess, "Popen"), (tempfile, "TemporaryFile")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, refuse)
            with pytest.raises(
                CatalogError, match=f"no process for the work.*{os.strerror(reason)}"
            ):
                values("wrong")


@on_linux
def test_a_worker_has_few_processors() -> None:
    """Libraries start a thread for each, with a stack that counts as memory."""
    (found,) = values("processors")
    assert found == min(4, len(os.sched_getaffinity(0)))


def fed(name: str, pieces: list[bytes]) -> list[Any]:
    with working(replace(task(name), fed=True), Limits()) as answers:
        for piece in [*pieces, b""]:
            answers.feed(piece)
        return [content for _, content in answers]


def test_what_a_worker_is_fed_comes_whole() -> None:
    pieces = [b"a", b"x" * 5_000_000, b"\n\0"]
    assert fed("fed_lengths", pieces) == [len(piece) for piece in pieces]


def test_who_feeds_one_that_has_ended_learns_why() -> None:
    with pytest.raises(UsageError, match="is wrong"):
        fed("wrong", [b"x" * 5_000_000] * 3)
    with pytest.raises(CatalogError, match="the work was ended by SIGKILL"):
        fed("ends_when_fed", [b"x" * 5_000_000] * 3)


def test_one_that_is_fed_ends_with_who_feeds_it() -> None:
    request = {
        "path": sys.path,
        "module": "tests.workers.attacks",
        "name": "fed_lengths",
        "arguments": {},
        "memory": 1 << 40,
        "seconds": None,
        "writes": 0,
        "fed": True,
    }
    whole = (3).to_bytes(8, "little") + b"abc"
    for left in (b"", whole[:5], whole[:-1], whole):
        done = subprocess.run(
            [sys.executable, "-P", "-c", processes._START],
            input=json.dumps(request).encode() + b"\n" + left,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (1, b"")


def test_no_files_are_written(tmp_path: Path) -> None:
    assert values("files", path=str(tmp_path / "x")) == [os.strerror(27)]
    assert (tmp_path / "x").stat().st_size <= 1 << 20


def test_a_large_module_is_whole_for_those_who_import_it_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    size = 2 << 20
    (tmp_path / "large_module.py").write_text(f"TEXT = {'x' * size!r}\n")
    assert values("imports", folder=str(tmp_path), module="large_module") == [size]
    assert len(importlib.import_module("large_module").TEXT) == size


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started."""
    found: list[subprocess.Popen[bytes]] = []
    make = subprocess.Popen

    def noted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        found.append(make(*arguments, **options))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    return found


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["_widen", "_write", "WorkerAnswers"])
def test_ctrl_c_while_it_starts_leaves_nothing(
    place: str, monkeypatch: pytest.MonkeyPatch, started: list[subprocess.Popen[bytes]]
) -> None:
    monkeypatch.setattr(processes, place, interrupt)
    with pytest.raises(KeyboardInterrupt):
        values("forever")
    assert started[0].returncode is not None


def test_ctrl_c_in_a_terminal_is_not_for_the_worker(
    started: list[subprocess.Popen[bytes]],
) -> None:
    with working(task("forever"), Limits()) as answers:
        next(iter(answers))
        assert os.getpgid(started[0].pid) != os.getpgid(0)
        assert started[0].poll() is None
    assert started[0].returncode is not None


@pytest.mark.parametrize("content", [b"", b'{"path": ', b'{"path": []}'])
def test_an_interrupted_start_is_silent(content: bytes) -> None:
    """The other process was ended before it had told what to do."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", processes._START],
        input=content,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_worker_whose_listener_is_gone_ends_without_a_word() -> None:
    request = {
        "path": list(map(str, sys.path)),
        "module": "tests.workers.attacks",
        "name": "echo",
        "arguments": {"values": ["x" * 100_000] * 100},
        "memory": Limits().memory,
        "seconds": None,
        "writes": 0,
        "fed": False,
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", processes._START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    _, err = process.communicate()
    assert (process.returncode, err) == (1, b"")


def test_when_the_other_process_dies_so_does_the_worker() -> None:
    code = """
import os, signal
from k3m_kg.workers.limits import Limits
from k3m_kg.workers.process import Task, working
task = Task("tests.workers.attacks", "forever", {}, what="it", where="x")
with working(task, Limits()) as answers:
    print(next(iter(answers))[1], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    # The worker has the pipe to standard error in its hand no longer than it lives.
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert process.wait() == -signal.SIGKILL
    while _is_alive(pid):  # a test that hangs here says that it outlives the other
        os.sched_yield()


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
