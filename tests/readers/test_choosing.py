"""`--format auto`: each file is one format."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from k3m_kg.config import Settings
from k3m_kg.errors import ConfigError, PluginError, UsageError
from k3m_kg.plugin.hookspecs import ReaderPlugin
from k3m_kg.plugin.registry import Registry, registry
from k3m_kg.readers import choosing
from k3m_kg.readers.choosing import choose_reader


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": ["1"], "a,b": ["x"]}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a", b"1\tt, or not\tu\ta#:#b\tc\n", "k3m-tsv"),
        ("a.csv", b"id,name\n", "csv"),
        ("a.txt", b"id;name\n", "csv"),
        ("a.csv", b"sku,name,additional_attributes\n", "magento"),
        ("a.jsonl", b'{"id": 1, "b": 2}\n', "jsonl"),
        ("a.csv", b'{"id": 1, "b": 2}\n', "jsonl"),
        ("a", b'{"id": 1, "b": 2}\n{"id": 2}\n', "jsonl"),
        ("a", parquet(), "parquet"),
        ("a.nt", b"# one, two; three\n<urn:a> <urn:b> \"c, d\" .\n", "rdf"),
        ("a", b"<urn:a> <urn:b> \"c, d\" .\n", "rdf"),
        ("a", b"@prefix a: <urn:a> . a:b a:c 1, 2 ; a:d 3 .\n", "rdf"),
        ("a.json", b'{"@context": {}, "@id": "x", "name": "y"}', "rdf"),
        ("a.jsonl", b'{"@id": "x", "name": "y"}\n', "jsonl"),
        ("a.tsv", b"1\tt\tu\ta#:#b\tc\n", "k3m-tsv"),
        ("a.csv", parquet(), "parquet"),
        ("a.ttl", b'{"id": 1, "b": 2}\n', "jsonl"),
    ],
)  # fmt: skip
def test_each_file_is_one_format(tmp_path: Path, name: str, content: bytes, format: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert choose_reader(path).name == format


class StrangeSettings(Settings):
    """Settings of the strange reader.

    Attributes:
        sure: what `sniff` answers.
    """

    sure: float = 0.6


class Strange:
    """A stranger's dialect of CSV."""

    def __init__(self, sure: object) -> None:
        self.sure = sure

    def sniff(self, path: Path, head: bytes) -> object:
        if isinstance(self.sure, Exception):
            raise self.sure
        return self.sure if head.startswith(b"strange") else 0.0


def made(settings: StrangeSettings) -> Strange:
    return Strange(settings.sure)


def answering(answer: object) -> object:
    return lambda settings: Strange(answer)


def install(
    monkeypatch: pytest.MonkeyPatch,
    factory: object = made,
    config: type[Settings] = StrangeSettings,
    *names: str,
) -> None:
    """Another package's readers beside the built-in ones."""
    installed = Registry(dict(registry().plugins))
    for name in names or ("strange",):
        record = ReaderPlugin(name, "made up", config, factory)  # type: ignore[arg-type]
        installed.add(record, "acme-strange", "1.5")
    monkeypatch.setattr(choosing, "registry", lambda: installed)


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("strange,name\n1,x\n")
    return path


def test_a_strangers_dialect_of_csv_wins_by_its_confidence(
    strange: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch)
    assert choose_reader(strange).name == "strange"
    plain = tmp_path / "b.csv"
    plain.write_text("id,name\n")
    assert choose_reader(plain).name == "csv"


def test_equally_sure_readers_are_an_error_that_names_them(
    strange: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, made, StrangeSettings, "one", "other")
    with pytest.raises(UsageError, match=r"fits several formats: one, other\n.*--format"):
        choose_reader(strange)


@pytest.mark.parametrize("answer", [True, False, None, "0.5", -0.1, 1.5, float("nan"), 10**400])
def test_an_answer_that_is_no_confidence_names_the_package(
    strange: Path, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    install(monkeypatch, answering(answer))
    with pytest.raises(
        PluginError, match=r"acme-strange 1\.5: .*'strange' answers.*\n.*confidence"
    ):
        choose_reader(strange)


def test_a_reader_that_fails_when_asked_names_the_package(
    strange: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, answering(ZeroDivisionError("division by zero")))
    with pytest.raises(PluginError, match=r"acme-strange 1\.5.*ZeroDivisionError.*\n.*--format"):
        choose_reader(strange)


def test_a_factory_without_settings_names_the_package(
    strange: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, lambda: Strange(0.6))
    with pytest.raises(PluginError, match=r"acme-strange 1\.5.*does not take its settings"):
        choose_reader(strange, "strange")


def test_settings_without_default_name_the_package(
    strange: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Needy(Settings):
        needed: int

    install(monkeypatch, made, Needy)
    with pytest.raises(PluginError, match=r"acme-strange 1\.5.*default for every.*'needed'"):
        choose_reader(strange)


def test_settings_reach_the_reader_and_wrong_ones_are_named(
    strange: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch)
    chosen = choose_reader(strange, overrides=["sure=0.9"])
    assert chosen.reader.sure == 0.9  # type: ignore[attr-defined]
    assert chosen.changed_settings == {"sure": 0.9}
    with pytest.raises(
        ConfigError,
        match=r"=1 for the format strange: unknown key 'shure'; did you mean 'sure'",
    ):
        choose_reader(strange, overrides=["shure=1"])
    with pytest.raises(ConfigError, match="--set sure=1 for the format csv: unknown key 'sure'"):
        choose_reader(strange, "csv", ["sure=1"])
    with pytest.raises(ConfigError, match="must be key=value"):
        choose_reader(strange, "csv", ["sure"])


def test_a_built_in_setting_changes_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "no-ending"
    path.write_text('[] <urn:b> "c" .\n<urn:product:1> <urn:b> "c" .\n')
    chosen = choose_reader(path, "rdf", ["form=ttl"])
    assert {record.line for record in chosen.reader.read(path, None)}
    with pytest.raises(ConfigError, match="--set form=turtle for the format rdf: form"):
        choose_reader(path, "rdf", ["form=turtle"])


@pytest.mark.parametrize("fields", [("", made), ("",), ("", Settings), ("", Settings, None)])
def test_a_record_of_the_old_kind_says_what_to_write(fields: tuple[object, ...]) -> None:
    with pytest.raises(PluginError, match=r"'old' has no .*\n.*name, summary, config, factory"):
        ReaderPlugin("old", *fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[1, 2]", "not of objects"),
        (b'{"a": 1}', None),
        (b'{"a": {"b": 1}\n}', "--set items=data.products"),
        (b"<html><body/></html>", "a web page"),
        (b"<urlset><url/></urlset>", "`element` names a product"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\x80\x04junk", "a Python pickle"),
    ],
)
def test_what_is_in_no_format_is_told_what_to_do(
    tmp_path: Path, content: bytes, said: str | None
) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    if said is None:
        assert choose_reader(path).name == "jsonl"
        return
    with pytest.raises(UsageError, match="is in no known format") as raised:
        choose_reader(path)
    assert said in (raised.value.hint or "")
