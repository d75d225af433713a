"""Chooses the reader of a source: by name, or the one that is surest that it knows the format."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any

from k3m_kg.config import Settings, with_overrides
from k3m_kg.errors import K3MError, PluginError, UsageError
from k3m_kg.plugin.catalog_reader import CatalogReader
from k3m_kg.plugin.discovery import Installed
from k3m_kg.plugin.hookspecs import ReaderPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.readers.compressed import read_head
from k3m_kg.readers.unknown import advice

AUTO = "auto"
_HEAD = 65_536


@dataclass(frozen=True, slots=True)
class ChosenReader:
    """A reader that was built.

    Attributes:
        record: its plugin's record.
        settings: those it was built with.
        reader: what reads.
        better: a format that knows the columns of the file itself, where a mapping came with it.
    """

    record: ReaderPlugin
    settings: Settings
    reader: CatalogReader
    better: str | None = None

    @property
    def name(self) -> str:
        """The format's name."""
        return self.record.name

    @property
    def changed_settings(self) -> dict[str, object]:
        """The settings that are not the default, as JSON has them."""
        return self.settings.model_dump(mode="json", exclude_defaults=True)


def choose_reader(
    path: Path, name: str = AUTO, overrides: Sequence[str] = (), *, mapped: bool = False
) -> ChosenReader:
    """The reader called `name`, or with `auto` the one that is surest that it knows `path`.

    Args:
        path: the source.
        name: a format, or `auto`.
        overrides: settings of the reader, as `key=value`.
        mapped: a mapping file comes with it, which says what the columns mean: readers that go by
            one come before those that know it themselves.

    Raises:
        UsageError: no reader has that name; none knows the file, or several are equally sure.
        ConfigError: the reader does not have such a setting.
        PluginError: a reader breaks its contract.
        CatalogError: the file cannot be read, or its packed stream is damaged.
    """
    if name != AUTO:
        return _built(registry().find(ReaderPlugin.kind, name), overrides)
    head = read_head(path, _HEAD)
    known = registry().installed(ReaderPlugin.kind)
    fitting = (
        _surest([item for item in known if _takes_mapping(item)], path, head) if mapped else []
    )
    surest = _surest(known, path, head)
    fitting = fitting or surest
    if len(fitting) == 1:
        chosen = _built(fitting[0], overrides)
        better = surest[0].record.name if len(surest) == 1 else chosen.name
        return chosen if better == chosen.name else replace(chosen, better=better)
    names = ", ".join(item.record.name for item in known) or "none"
    hint = f"name the format with --format; known: {names}"
    if fitting:
        what = f"fits several formats: {', '.join(item.record.name for item in fitting)}"
    else:
        what = "is in no known format"
        first = [said] if (said := advice(head)) else []
        hint = "; ".join([*first, hint, *map(str, registry().failures)])
    raise UsageError(what, where=str(path), hint=hint)


def looks_like(path: Path) -> str | None:
    """The format that the one reader has which is surest that it knows a file; None if no one is.

    Whatever is wrong with the file or a reader is said elsewhere.
    """
    with suppress(K3MError):
        return choose_reader(path).name
    return None


def _surest(known: Sequence[Installed], path: Path, head: bytes) -> list[Installed]:
    """Those that are surest that they know the file; several if equally sure, none if no one is."""
    answers: dict[float, list[Installed]] = {}
    for item in known:
        answers.setdefault(_confidence(item, path, head), []).append(item)
    surest = max(answers, default=0.0)
    return answers[surest] if surest > 0 else []


def _takes_mapping(item: Installed) -> bool:
    assert isinstance(item.record, ReaderPlugin)
    return item.record.takes_mapping


def _built(item: Installed, overrides: Sequence[str] = ()) -> ChosenReader:
    record = item.record
    assert isinstance(record, ReaderPlugin)
    try:
        settings = with_overrides(record.config, {}, list(overrides), f"the format {record.name}")
    except K3MError as error:
        if overrides:
            raise
        raise _broken(item, f"must have a default for every setting: {error.message}") from None
    try:
        inspect.signature(record.factory).bind(settings)
    except TypeError:
        raise _broken(item, "has a factory that does not take its settings") from None
    except ValueError:  # a built-in callable, which does not tell its signature
        pass
    return ChosenReader(record, settings, record.factory(settings))


def _confidence(item: Installed, path: Path, head: bytes) -> float:
    reader = _built(item).reader
    try:
        answer: Any = reader.sniff(path, head)
    except K3MError:
        raise
    except Exception as error:
        what = "failed when it was asked whether it knows a file"
        raise _broken(
            item,
            f"{what}: {type(error).__name__}: {error}",
            f"name the format of {path} with --format",
        ) from error
    is_number = isinstance(answer, Real) and not isinstance(answer, bool)
    if not is_number or not 0 <= answer <= 1:
        raise _broken(
            item,
            f"answers {answer!r} when it is asked whether it knows a file",
            "`sniff` gives a confidence from 0.0 (not this format) to 1.0 (certain), see "
            "k3m_kg.api.Confidence",
        )
    return float(answer)


def _broken(item: Installed, why: str, hint: str | None = None) -> PluginError:
    return PluginError(
        f"the reader {item.record.name!r} {why}",
        where=f"{item.package} {item.version}",
        hint=hint
        or "ReaderPlugin(name, summary, config, factory): factory(config()) is the reader",
    )
