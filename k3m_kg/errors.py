"""The one error base class: what happened, where, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import PurePath


class K3MError(Exception):
    """A problem with what the user gave us, never a bug.

    Args:
        message: what happened, in one sentence.
        where: the file, line, product, key or option concerned.
        hint: what the user can do about it.

    The command line prints `str(error)` and exits with `exit_code`
    (1: the work failed; 2: the request itself was wrong).
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class UsageError(K3MError):
    """The command, option or setting cannot mean anything: exit code 2."""

    exit_code = 2


class ConfigError(UsageError):
    """A config file or mapping file that cannot be used as it stands."""


class MappingNeeded(ConfigError):  # noqa: N818  (a request, as it is answered)
    """A source that cannot be read without a mapping file.

    Args:
        mapping: one to start from, as the text of a mapping file. It ends the hint, after an empty
            line, and is shown whole.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        mapping: str = "",
    ) -> None:
        advice, _, known = (hint or "").partition("\n\n")
        self.advice = advice or (
            "save what is below as mapping.yaml, edit it, and pass --mapping mapping.yaml; or take "
            f"it as it is with --accept, which keeps it as {_kept_name(where)}"
        )
        self.mapping = mapping or known
        text = "\n\n".join(filter(None, (self.advice, self.mapping)))
        super().__init__(message, where=where, hint=text)


def _kept_name(source: str | None) -> str:
    return f"{PurePath(source).name if source else '<source name>'}.mapping.yaml"


class CatalogError(K3MError):
    """A catalog source that cannot be read at all (single bad rows go to quarantine)."""


class GraphError(K3MError):
    """The database is missing, locked, full, damaged or of another version."""


class SnapshotError(K3MError):
    """A snapshot that is missing, damaged or does not fit what was asked."""


class ArtifactError(K3MError):
    """An artifact or checkpoint that is missing, damaged or of another version."""


class PluginError(K3MError):
    """A plugin that clashes, is unknown or breaks its contract."""


_MOST_CHOICES = 20
"""More than these are not listed: those most like what was written, and how many there are."""


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice most like `name`, whatever its case, or None where nothing is close."""
    matches = _alike(name, list(choices), 1)
    return matches[0] if matches else None


_LISTED = 500
"""Characters of a list of names in a message."""


def listed(names: Iterable[str]) -> str:
    """Names with commas between; of many the first ones, and how many there are besides."""
    every = list(names)
    shown: list[str] = []
    length = 0
    for name in every:
        length += len(name) + 2
        if shown and length > _LISTED:
            return f"{', '.join(shown)} and {len(every) - len(shown):,} more"
        shown.append(name)
    return ", ".join(shown)


def unknown_name(what: str, name: str, choices: Iterable[str]) -> str:
    """The sentence for an unknown `name`: the nearest match first, then every choice.

    Of many choices only those that are like it are named, and how many there are.
    """
    options = sorted(choices)
    alike = _alike(name, options, 5)
    meant = f" Did you mean {alike[0]!r}?" if alike else ""
    if len(options) <= _MOST_CHOICES:
        listed = f"Choices: {', '.join(options) or 'none'}."
    else:
        some = ", ".join(alike if len(alike) > 1 else options[:5])
        listed = f"Choices: {len(options):,}, such as {some}."
    return f"unknown {what} {name!r}.{meant} {listed}"


def _alike(name: str, options: list[str], most: int) -> list[str]:
    folded: dict[str, str] = {}
    for option in options:
        folded.setdefault(option.casefold(), option)
    wanted = name.casefold()
    found = difflib.get_close_matches(wanted, folded, n=most, cutoff=0.5)
    # Two letters that changed places are one slip; `difflib` counts them as two.
    turned = [match for match in _turned(wanted) if match in folded]
    return [folded[match] for match in dict.fromkeys([*turned, *found])][:most]


def _turned(name: str) -> list[str]:
    """The name with two neighbouring letters exchanged, each way."""
    return [
        f"{name[:place]}{name[place + 1]}{name[place]}{name[place + 2 :]}"
        for place in range(len(name) - 1)
    ]
