"""Finds the installed plugin modules and calls their hooks; cheap: `k3m-kg --help` does it too."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field

import pluggy

from k3m_kg.errors import K3MError, PluginError, nearest
from k3m_kg.extras import lacking, missing_extra
from k3m_kg.plugin import hookspecs
from k3m_kg.plugin.hookspecs import Plugin

GROUP = hookspecs.PROJECT
BUILT_IN = "k3m-kg"
"""The package whose plugins always load."""
LIMIT_VARIABLE = "K3M_KG_PLUGINS"
"""Names the distributions whose plugins may load, comma-separated; the built-in ones always do."""
TRACE_VARIABLE = "K3M_KG_TRACE_PLUGINS"
"""Set to 1, each module that is loaded and each hook that is called is told on standard error."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A plugin record with the distribution that brought it."""

    record: Plugin
    package: str
    version: str

    @property
    def lacks(self) -> str | None:
        """What to install before it can be used; None where nothing is missing."""
        return lacking(self.record.requires)


@dataclass(frozen=True, slots=True)
class Failure:
    """An entry point that could not be loaded."""

    entry_point: str
    package: str
    version: str
    reason: str

    def __str__(self) -> str:
        return (
            f"plugin {self.entry_point!r} of {self.package} {self.version} "
            f"was not loaded: {self.reason}"
        )


def clash(what: str, one: Installed, other: Installed) -> PluginError:
    """The error that two packages cannot both have what they claim."""
    return PluginError(
        f"two plugins {what}: {one.package} {one.version} and {other.package} {other.version}",
        hint=f"uninstall one, or name the packages to load in {LIMIT_VARIABLE}",
    )


@dataclass(slots=True)
class Discovered:
    """The plugin modules that loaded, and what did not.

    Attributes:
        origin: package and version of each module, by its name in `manager`.
    """

    manager: pluggy.PluginManager
    origin: dict[str, tuple[str, str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def collect(self, hook: str, cls: type) -> list[Installed]:
        """What all implementations of a hook give; one that raises becomes a `Failure`.

        Raises:
            PluginError: a hook returns something other than a list of `cls`.
        """
        found: list[Installed] = []
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            package, version = self.origin[implementation.plugin_name]
            began = time.perf_counter()
            try:
                records = implementation.function()
            except (Exception, SystemExit) as error:
                self.failures.append(Failure(hook, package, version, _reason(error)))
                _trace(f"{hook}() of {package} {version} failed: {_reason(error)}", began)
                continue
            if not isinstance(records, list) or not all(isinstance(r, cls) for r in records):
                raise PluginError(
                    f"hook {hook} must return a list of {cls.__name__}",
                    where=f"{package} {version}",
                )
            names = ", ".join(record.name for record in records) or "nothing"
            _trace(f"{hook}() of {package} {version}: {names}", began)
            found += [Installed(record, package, version) for record in records]
        return found


def discover(*, built_in: bool = True) -> Discovered:
    """Load every entry point of the group `k3m_kg`, or only those of other packages.

    An entry point that fails to import becomes a `Failure` and takes nothing else down.

    Raises:
        PluginError: a hook is misspelt or has wrong arguments.
    """
    found = Discovered(pluggy.PluginManager(GROUP))
    manager, origin = found.manager, found.origin
    manager.add_hookspecs(hookspecs)
    for entry_point, package, version in _entry_points(built_in):
        key = f"{package}:{entry_point.name}"
        if key in origin:  # the same distribution, found twice on the path
            continue
        origin[key] = (package, version)
        began = time.perf_counter()
        try:
            module = entry_point.load()
        except (Exception, SystemExit) as error:
            found.failures.append(Failure(entry_point.name, package, version, _reason(error)))
            _trace(f"{entry_point.value} of {package} {version} failed: {_reason(error)}", began)
            continue
        _trace(f"{entry_point.value} of {package} {version} loaded", began)
        if manager.is_registered(module):  # a second entry point to one module
            continue
        try:
            manager.register(module, name=key)
        except pluggy.PluginValidationError as error:
            raise PluginError(last_line(error), where=f"{package} {version}") from error
        if not manager.get_hookcallers(module):
            found.failures.append(
                Failure(entry_point.name, package, version, "no function in it has @hookimpl")
            )
    _check_misspelt(found)
    return found


def _entry_points(built_in: bool) -> list[tuple[importlib.metadata.EntryPoint, str, str]]:
    limit = os.environ.get(LIMIT_VARIABLE)
    allowed = None if limit is None else {_canonical(name) for name in limit.split(",")}
    found = []
    for entry_point in importlib.metadata.entry_points(group=GROUP):
        dist = entry_point.dist
        package, version = (dist.name, dist.version) if dist else ("unknown", "unknown")
        ours = _canonical(package) == BUILT_IN
        if built_in if ours else allowed is None or _canonical(package) in allowed:
            found.append((entry_point, package, version))
    return found


def _check_misspelt(found: Discovered) -> None:
    specified = {name for name in vars(hookspecs) if name.startswith(f"{GROUP}_")}
    for key, module in found.manager.list_name_plugin():
        for caller in found.manager.get_hookcallers(module) or ():
            if caller.name not in specified:
                package, version = found.origin[key]
                guess = nearest(caller.name, specified)
                raise PluginError(
                    f"unknown hook {caller.name!r}",
                    where=f"{package} {version}",
                    hint=f"did you mean {guess!r}?" if guess else f"hooks: {sorted(specified)}",
                )


def _trace(what: str, began: float) -> None:
    if os.environ.get(TRACE_VARIABLE, "0") not in ("", "0"):
        took = 1000 * (time.perf_counter() - began)
        with suppress(OSError, ValueError, AttributeError):
            print(f"plugins: {' '.join(what.split())} ({took:.1f} ms)", file=sys.stderr)


def _canonical(package: str) -> str:
    """The package name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", package.strip()).lower()


def _reason(error: BaseException) -> str:
    return str(missing_extra(error) or last_line(error))


def last_line(error: BaseException) -> str:
    """What an error says, on one line."""
    if isinstance(error, K3MError):  # with its hint, which is a line of its own
        return " ".join(str(error).split())
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
