"""The YAML that config and mapping files may hold: plain data, of bounded size, depth and cost.

Events of the parser become dictionaries, lists and texts without PyYAML's composer and
constructor, which follow merge keys and nesting without a bound and turn `2011-02-31` or `0b_`
into errors of their own. A plain scalar stays a `Plain` text until `as_wanted` knows whether the
settings want a text there.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator
from pydantic_core import PydanticUndefined

from k3m_kg.errors import ConfigError

MAX_CHARACTERS = 1 << 19
MAX_DEPTH = 32
MAX_NODES = 100_000
"""Values in a document, those that an alias repeats counted each time."""

_NULL = re.compile(r"~|null|Null|NULL|")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"[-+]?([0-9]{1,400}\.[0-9]{0,400}|\.[0-9]{1,400})([eE][-+][0-9]{1,4})?")
"""With a point, as YAML 1.1 has it: what PyYAML writes without quotes as a text stays one."""
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")


class Plain(str):
    """A scalar written without quotes: a number, a truth or null where no text is wanted."""

    __slots__ = ()


@dataclass(slots=True)
class _Open:
    """A collection that has not ended."""

    holder: dict[str, Any] | list[Any]
    anchor: str | None
    key: str | None = None
    nodes: int = 1
    height: int = 1


def parse_yaml(text: str, where: str) -> Any:
    """The data in a YAML document; scalars are texts, `Plain` where they stood without quotes.

    Raises:
        ConfigError: no YAML, too large or deep, a merge key, a tag, or a key twice; with the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"larger than {MAX_CHARACTERS:,} characters", where=where)
    try:
        return _Document(where).read(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        problem = error.problem or error.context
        raise ConfigError(f"not valid YAML: {problem}", where=f"{where}{line}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The scanner passes the number of an escape such as "\UFFFFFFFF" to chr as it is.
        reason = " ".join(str(error).split())
        raise ConfigError(f"not valid YAML: {reason}", where=where) from None


class _Document:
    def __init__(self, where: str) -> None:
        self._where = where
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        self._root: Any = None
        self._nodes = 0

    def read(self, text: str) -> Any:
        documents = 0
        for event in _events(text):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refused(event, "a second document")
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._start(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                ended = self._open.pop()
                self._put(event, ended.holder, ended.anchor, ended.nodes, ended.height)
        return self._root

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if event.tag not in (None, *_TEXT_TAGS):
            raise self._refused(event, f"the tag {event.tag}")
        value = str(event.value)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self._refused(event, "half of a character") from None
        if "\0" in value:
            raise self._refused(event, "a NUL character")
        if event.style is None and event.tag is None:
            value = Plain(value)
        self._put(event, value, event.anchor, 1, 0)

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor
        if name not in self._anchors:
            raise self._refused(event, f"the alias *{name} of no anchor before it")
        value, nodes, height = self._anchors[name]
        self._check_depth(event, height)
        self._put(event, value, None, nodes, height)

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if event.tag is not None:
            raise self._refused(event, f"the tag {event.tag}")
        self._check_depth(event, 1)
        if self._open and isinstance(self._open[-1].holder, dict) and self._open[-1].key is None:
            raise self._refused(event, "a key that is no text")
        holder: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Open(holder, event.anchor))

    def _put(
        self, event: yaml.Event, value: Any, anchor: str | None, nodes: int, height: int
    ) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, nodes, height)
        if not self._open:
            self._root = value
            return
        into = self._open[-1]
        if isinstance(into.holder, dict) and into.key is None:
            into.key = self._key(event, into.holder, value)
            return
        into.nodes += nodes
        into.height = max(into.height, height + 1)
        if into.nodes > MAX_NODES:
            raise self._refused(event, f"more than {MAX_NODES:,} values")
        if isinstance(into.holder, dict):
            into.holder[str(into.key)] = value
            into.key = None
        else:
            into.holder.append(value)

    def _key(self, event: yaml.Event, holder: dict[str, Any], value: Any) -> str:
        if not isinstance(value, str):
            raise self._refused(event, "a key that is no text")
        if isinstance(value, Plain) and value == "<<":
            raise self._refused(event, "a merge key (<<): write the settings out")
        if value in holder:
            raise self._refused(event, f"{str(value)!r} stands twice")
        return str(value)

    def _check_depth(self, event: yaml.Event, more: int) -> None:
        if len(self._open) + more > MAX_DEPTH:
            raise self._refused(event, f"nested deeper than {MAX_DEPTH} levels")

    def _refused(self, event: yaml.Event, what: str) -> ConfigError:
        mark = event.start_mark
        line = f", line {mark.line + 1}" if mark else ""
        return ConfigError(f"not valid YAML here: {what}", where=f"{self._where}{line}")


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=yaml.SafeLoader)


def as_wanted(value: Any, wanted: Any = Any) -> Any:
    """Parsed data with its scalars as a settings class, or a field of one, wants them.

    Where a text is wanted, `007`, `no`, `1.10` and `2011-02-31` are texts. Elsewhere integers,
    numbers with a point, true, false and null are what they look like, and all else is text; a
    settings class reads `1e-3` or `yes` from that.
    """
    options = _options(wanted)
    if isinstance(value, Plain):
        return _scalar_as_wanted(value, options)
    if isinstance(value, dict):
        return _mapping_as_wanted(value, options)
    if isinstance(value, list):
        found = [o for o in options if get_origin(o) in (list, tuple, set, frozenset)]
        item = _item(found[0]) if found else (lambda place: Any)
        return [as_wanted(entry, item(place)) for place, entry in enumerate(value)]
    return value


def _options(wanted: Any) -> list[Any]:
    """What a field may be, unions taken apart."""
    origin = get_origin(wanted)
    if origin is Annotated:
        plain, *more = get_args(wanted)
        short = [form for item in more if (form := _written_as(item)) is not None]
        return _options(short[0] if short else plain)
    if origin in (Union, types.UnionType):
        return [option for part in get_args(wanted) for option in _options(part)]
    return [wanted]


def _written_as(annotation: Any) -> Any:
    """What a file may hold where a validator makes something else of it, such as a short form."""
    is_validator = isinstance(annotation, BeforeValidator)
    form = annotation.json_schema_input_type if is_validator else None
    return None if form is PydanticUndefined else form


def _scalar_as_wanted(text: Plain, options: list[Any]) -> Any:
    null = _NULL.fullmatch(text) is not None
    if null and (not text or type(None) in options):
        return None
    others = [option for option in options if option is not type(None)]
    if others and all(map(_wants_text, others)):
        return str(text)
    if any(map(_holds_more, others)) and any(map(_wants_text, others)):
        return str(text)
    if null:
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return _TRUTH.get(text, str(text))


def _holds_more(option: Any) -> bool:
    """Whether it is a collection or settings, of which a scalar is the short form."""
    return get_origin(option) in (list, tuple, dict) or (
        isinstance(option, type) and issubclass(option, BaseModel)
    )


def _wants_text(option: Any) -> bool:
    if get_origin(option) is Literal:
        return all(isinstance(choice, str) for choice in get_args(option))
    return isinstance(option, type) and issubclass(option, str | Path)


def _mapping_as_wanted(value: dict[str, Any], options: list[Any]) -> dict[str, Any]:
    for option in options:
        if isinstance(option, type) and issubclass(option, BaseModel):
            fields = option.model_fields
            return {
                key: as_wanted(item, fields[key].annotation if key in fields else Any)
                for key, item in value.items()
            }
        if get_origin(option) is dict:
            return {key: as_wanted(item, get_args(option)[1]) for key, item in value.items()}
    return {key: as_wanted(item) for key, item in value.items()}


def _item(sequence: Any) -> Callable[[int], Any]:
    """What stands at a place of a list or tuple."""
    args = get_args(sequence)
    if get_origin(sequence) is tuple and not (len(args) == 2 and args[1] is Ellipsis):
        return lambda place: args[place] if place < len(args) else Any
    return lambda place: args[0]
