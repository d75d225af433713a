"""Locales, odd paths, closed streams, odd databases and odd files: an answer, or one message.

Exit codes are 0, 1 or 2; 3 is a bug. One in `REAL` is a process as a user starts it, the others
are forked from one in their locale, see `tests.started`.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from k3m_kg.config import RunConfig, load_config
from k3m_kg.errors import ConfigError, K3MError
from k3m_kg.kge.data import from_files
from k3m_kg.kge.settings import DataSettings, KgeConfig
from tests.processes import HANG
from tests.started import Started

from .mutations import attempts, change_bytes

CALL = (sys.executable, "-c", "from k3m_kg.cli.app import main; main()")
PLAIN = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LOCALES = ({"LANG": "C", **PLAIN}, {"LC_ALL": "POSIX", **PLAIN}, {"LC_ALL": "C.UTF-8"})
ASCII = {**PLAIN, "PYTHONIOENCODING": "ascii"}
REAL = 50
MEMORY = 2 << 30
"""Bytes of data that a command may hold, its libraries among them."""
IN_A_ROW = 100
"""Attacks in one locale."""
Locales = Callable[[dict[str, str]], Started]
TITLE = "Grün 日本 😀"
NAME = "<https://schema.org/name>"


def call(
    words: list[str | bytes],
    folder: Path,
    variables: dict[str, str | bytes],
    streams: str = "",
) -> subprocess.CompletedProcess[bytes]:
    kept = ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH")
    given = {name: os.environ[name] for name in kept if name in os.environ}
    environment = {**given, "OMP_NUM_THREADS": "1", **variables}
    command = ["bash", "-c", f'"$@" {streams}', "-", *CALL, *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, check=False, timeout=HANG
    )


def checked(code: int, said: bytes, what: object) -> None:
    """One message, and no bug."""
    assert code in (0, 1, 2), (what, code, said)
    assert b"Traceback" not in said, what
    assert b"no more memory" not in said, what  # what one command reads or makes has a bound
    assert len(said) < 6_000, what
    if code:
        assert said.count(b"\n") <= 12, (what, said)  # a suggested mapping has some lines


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, started: Locales) -> Path:
    folder = tmp_path_factory.mktemp("place")
    (folder / "source.csv").write_text(
        f"id,name,farbe\n1,{TITLE},rot é\n2,Hat,Grün\n,x,y\n", "utf-8"
    )
    (folder / "map.yaml").write_text("id: id\ntitle: name\n")
    (folder / "run.yaml").write_text("snapshot: cut\noutput: new\n")
    (folder / "kge.yaml").write_text("snapshot: cut\noutput: new\nmodel: transe\n")
    done = started(LOCALES[0])(["ingest", "source.csv", "--mapping", "map.yaml"], folder)
    assert done.code == 0, done.err
    return folder


PRINTING: dict[str, list[str | bytes]] = {
    "diff": ["diff"],
    "diff json": ["diff", "--json"],
    "status": ["status"],
    "status json": ["status", "--json"],
    "sparql": ["sparql", f"SELECT ?o {{ ?s {NAME} ?o }}"],
    "sparql csv": ["sparql", f"SELECT ?o {{ ?s {NAME} ?o }}", "--format", "csv"],
    "sparql json": ["sparql", f'SELECT ?o {{ ?s {NAME} ?o FILTER(?o != "ü") }}', "--json"],
    "export": ["export", "-", "--format", "ttl"],
    "dry run": [
        "ingest",
        "source.csv",
        "--mapping",
        "map.yaml",
        "--dry-run",
        "--db",
        "sqlite:///n.db",
    ],
}
OTHERS: dict[str, list[str | bytes]] = {
    "plugins": ["plugins", "list"],
    "plugins json": ["plugins", "list", "--json"],
    "validate": ["validate"],
    "help": ["--help"],
    "unknown": ["grün"],
    "error": ["status", "--db", "sqlite:///grün.db"],
    "complete": ["complete", "grün"],
    "audit": ["audit", "grün"],
}


@pytest.mark.parametrize("name", ["diff", "sparql json", "status"])
def test_texts_come_out_as_utf8_or_escaped(place: Path, name: str, started: Locales) -> None:
    found = "Grün" if name == "status" else TITLE
    done = started(LOCALES[0])(PRINTING[name], place)
    assert (done.code, done.err) == (0, b"")
    assert found.encode() in done.out
    ascii_only = call(PRINTING[name], place, dict(ASCII))
    assert (ascii_only.returncode, ascii_only.stderr) == (0, b"")
    assert ascii_only.stdout.isascii()
    assert TITLE.encode("ascii", "backslashreplace")[:7] in ascii_only.stdout


def test_an_argument_is_utf8_in_any_locale(place: Path) -> None:
    for locale in LOCALES[::2]:
        query = f'SELECT ?s {{ ?s {NAME} "{TITLE}" }}'
        done = call(["sparql", query, "--format", "csv"], place, dict(locale))
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"product/1" in done.stdout


LONG = b"x" * 6_000
ODD_PATHS = (LONG, b"y/" * 3_000, b"b\xff", b"\xff/x", b"", b".", b"/", b"\x1b[31m", b"-", b"a\nb",
             b"/dev/null", b"/dev/full", b"/proc/self/mem", "grün".encode(), b"~nobody",
             b" ")  # fmt: skip
ODD_URLS = (b"\xff", b"sqlite:///\xff.db", b"", b"://", b"sqlite:///" + LONG, b"postgresql://[::1",
            b"postgresql://h:port/x", b"sqlite:///.", b"sqlite:////etc", b"sqlite:///%00",
            b"sqlite:///a?timeout=x", b"sqlite:///a?cached_statements=99999999999999999999",
            b"sqlite:///a?check_same_thread=maybe", b"sqlite:///a?x=%00", b"sqlite+nope:///x",
            b"sqlite+aiosqlite:///x", b"mysql://x", b"oracle+zz://", b"x" * 100_000,
            b"postgresql://localhost/x?bogus=1", b"postgresql://localhost/x?connect_timeout=zz",
            b"sqlite:////dev/full", b"sqlite:///a?pool_size=nan", b"\x01\x02",
            b"sqlite:///a?uri=perhaps")  # fmt: skip
PATHS: list[list[str | bytes]] = [
    ["ingest", "@"],
    ["ingest", "source.csv", "--mapping", "@"],
    ["ingest", "source.csv", "--mapping", "map.yaml", "--dry-run", "--images", "@"],
    ["ingest", "source.csv", "--mapping", "map.yaml", "--dry-run", "--quarantine", "@"],
    ["ingest", "source.csv", "--mapping", "map.yaml", "--dry-run", "--image-store", "@"],
    ["status", "--html", "@"],
    ["validate", "--shapes", "@"],
    ["export", "@", "--format", "nt"],
    ["sparql", "--file", "@"],
    ["snapshot", "verify", "@"],
    ["snapshot", "export", "@", "out"],
    ["snapshot", "@", "--image-size", "@"],
    ["snapshot", "new", "--split-file", "@"],
    ["pretrain", "@"],
    ["pretrain", "run.yaml", "--set", b"output=@"],
    ["pretrain", "run.yaml", "--set", b"snapshot=@"],
    ["kge", "train", "@"],
    ["kge", "train", "kge.yaml", "--set", b"output=@"],
    ["kge", "evaluate", "@"],
    ["kge", "evaluate", "x", "--triples", "@"],
    ["evaluate", "@"],
    ["evaluate", "x", "--task", "@", "--snapshot", "@", "--diagram", "@"],
    ["embed", "@", "out.parquet"],
    ["embed", "x", "@"],
    ["complete", "@"],
    ["complete", "x", "--out", "@.csv", "--property", "@"],
    ["audit", "@"],
    ["audit", "x", "--snapshot", "@"],
    ["search", "@", "shirt"],
    ["search", "x", "@"],
    ["search", "x", "--picture", "@", "--vectors", "@"],
    ["search", "x", "--like", "@", "--out", "@.csv"],
    ["match", "@"],
    ["match", "x", "--pairs", "@", "--vectors", "@"],
    ["match", "x", "--links", "@", "--probability", "@", "--write", "--as", "@"],
    ["classify", "@"],
    ["report", "@"],
    ["report", "x", "--out", "@"],
    ["sources", "@"],
    ["export", "@", "--as", "csv", "--mapping", "@"],
    ["export", "-", "--as", "@", "--source", "@", "--changes-since", "@"],
    ["export", "@", "--decisions"],
    ["serve", "--host", "@", "--port", "@"],
    ["profile", "@"],
    ["robustness", "@"],
    ["undo", "@"],
    ["diff", "@"],
    ["plugins", "show", "@"],
    ["@", "@"],
    ["export", "-", "--format", "@"],
    ["ingest", "source.csv", "--format", "@"],
    ["ingest", "source.csv", "--memory", "@", "--mapping", "map.yaml", "--dry-run"],
    ["sparql", "ASK {}", "--timeout", "@"],
    ["sparql", "ASK {}", "--limit", "@", "--max-cell", "@"],
    ["sparql", "@"],
    ["pretrain", "run.yaml", "--set", "@"],
    ["pretrain", "run.yaml", "--set", "@=1"],
    ["pretrain", "run.yaml", "--set", b"image_encoder={name: precomputed-regions, path: @}"],
    ["kge", "train", "kge.yaml", "--set", b"triples.folder=@"],
]
STREAMS: tuple[dict[int, str | None], ...] = (
    {},
    {},
    {},
    {2: None},
    {0: None},
    {1: None},
    {1: "/dev/full"},
    {0: None, 2: None},
    {2: "/dev/full"},
    {0: None, 1: None, 2: None},
)
"""Where standard streams lead to, None: they are closed."""
ODD_TEXTS = (b"nan", b"-1", b"1e400", b"99999999999999999999", b"0", b"True", b"[", b"{", b"&a *a",
             b"@", b"%", b"*", b"a=b", b"\xe2\x80\xae", b"--", b"-", b"--help", b"''", b"1 2",
             b"source.csv", b"map.yaml", b"k3m-kg.db", b"SELECT * {", b"1GiB", b".5m")  # fmt: skip


def odd(rng: random.Random) -> bytes:
    """A path or a text that nobody would give; no argument can hold a NUL."""
    kind = rng.randrange(4)
    if kind == 0:
        found = rng.choice(ODD_TEXTS)
    elif kind == 1:
        found = change_bytes(rng.choice((*ODD_TEXTS, *ODD_PATHS)), rng)
    else:
        found = rng.choice(ODD_PATHS)
    return found[:4_000].replace(b"\0", b"0")


def attack(number: int) -> tuple[list[str | bytes], int, dict[str, str | bytes], dict]:
    """Words, which locale, variables and streams; the number says which."""
    rng = random.Random(number)
    variables: dict[str, str | bytes] = {}
    kind = rng.randrange(6)
    if kind < 4:
        words = [os.fsencode(word).replace(b"@", odd(rng)) for word in rng.choice(PATHS)]
        if b"--images" in words and words[-1] == b"/":  # all files of the machine
            words[-1] = b"/dev"
    else:
        words = list(rng.choice([*PRINTING.values(), *OTHERS.values()]))  # type: ignore[arg-type]
        if kind == 5:
            url = rng.choice(ODD_URLS)
            changed = change_bytes(url, rng).replace(b"\0", b"0")[:100_000]
            variables["K3M_KG_DB"] = rng.choice((url, changed))
    return list(words), number // IN_A_ROW % len(LOCALES), variables, rng.choice(STREAMS)


def as_bash(streams: dict[int, str | None]) -> str:
    sign = {0: "<", 1: ">", 2: "2>"}
    return " ".join(f"{sign[number]}{path or '&-'}" for number, path in streams.items())


def test_any_environment_ends_in_an_answer_or_one_message(place: Path, started: Locales) -> None:
    kept = {path: path.read_bytes() for path in place.iterdir() if path.suffix in (".csv", ".yaml")}
    for number in attempts(4):
        words, locale, variables, streams = attack(number)
        what = (number, words, LOCALES[locale], variables, streams)
        if number % REAL == 0:
            done = call(words, place, {**LOCALES[locale], **variables}, as_bash(streams))
            checked(done.returncode, done.stderr, what)
        else:
            ended = started(LOCALES[locale])(
                words, place, variables, streams=streams, memory=MEMORY
            )
            checked(ended.code, ended.err, what)
    assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.parametrize("url", ODD_URLS, ids=range(len(ODD_URLS)))
def test_odd_databases(url: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from k3m_kg.graph.store import GraphStore

    monkeypatch.chdir(tmp_path)
    try:
        GraphStore.create(os.fsdecode(url))[0].close()
    except K3MError as error:
        refused(error)


def test_a_folder_that_is_no_utf8_is_one_message(tmp_path: Path, started: Locales) -> None:
    odd = tmp_path / os.fsdecode(b"\xff")
    odd.mkdir()
    (odd / "s.csv").write_text("id\n1\n")
    for words in (["ingest", "s.csv"], ["export", "x", "--format", "nt"], ["pretrain", "run.yaml"]):
        done = started({"LC_ALL": "C.UTF-8"})(list(words), odd)
        assert done.code == 2
        assert b"is no UTF-8" in done.err
        checked(done.code, done.err, words)


def test_a_text_that_is_no_utf8_is_one_message(place: Path, started: Locales) -> None:
    for words in (["search", "x", b"a\xff"], ["complete", "x", "--property", b"\xff"]):
        done = started(LOCALES[2])(words, place)
        assert (done.code, b"is no UTF-8" in done.err) == (2, True), done.err
        checked(done.code, done.err, words)


@pytest.mark.parametrize(
    "key",
    ["training.threads", "training.epochs", "training.batch_size", "model.hidden",
     "model.max_triples", "training.checkpoint_steps", "validation.max_products"],
)  # fmt: skip
def test_sizes_have_an_upper_bound(key: str, place: Path) -> None:
    for size in (10**30, 10**18):
        with pytest.raises(ConfigError, match="less than or equal"):
            load_config(RunConfig, place / "run.yaml", [f"{key}={size}"])


@pytest.mark.parametrize(
    "key",
    ["training.threads", "training.epochs", "training.batch_size", "dimension",
     "negatives.count", "negatives.shared", "training.validate_every"],
)  # fmt: skip
def test_sizes_of_embeddings_have_an_upper_bound(key: str, place: Path) -> None:
    with pytest.raises(ConfigError, match="less than or equal"):
        load_config(KgeConfig, place / "kge.yaml", [f"{key}={10**18}"])


def refused(error: K3MError) -> None:
    assert 0 < len(error.message) < 5_000  # the command line cuts the place


def test_triple_files_of_any_bytes_are_read_or_refused(tmp_path: Path) -> None:
    good = "".join(f"é{n}\tr\tb{n % 5}\n" for n in range(40)).encode()
    pieces = (b"\t" * 9, b"\r\r\n", b'"', b"a\t" + b"x" * (3 << 20) + b"\tb\n", b"\xef\xbb\xbf")
    for number in attempts(50):
        rng = random.Random(number)
        for split in ("train", "validation", "test"):
            data = change_bytes(good, rng) if rng.random() < 0.6 else good
            if rng.random() < 0.3:
                place = rng.randrange(len(data) + 1)
                data = data[:place] + rng.choice(pieces) + data[place:]
            (tmp_path / f"{split}.tsv").write_bytes(data)
        try:
            found = from_files(DataSettings(folder=tmp_path))
        except K3MError as error:
            refused(error)
            continue
        assert found.id
        assert found.truth.min() >= 0
        assert found.truth[:, [0, 2]].max() < len(found.entities)
