"""The context of schema.org, which pages of shops name and nobody needs to fetch.

`"@context": "https://schema.org"` says that all terms are those of schema.org. That is written in
its place while a document streams by; contexts of others are left as they are.
"""

from __future__ import annotations

import re
from typing import BinaryIO

_CONTEXT = re.compile(
    rb'("@context"\s{0,200}:\s{0,200}(?:\[\s{0,200})?)'
    rb'"https?://(?:www\.)?schema\.org/?'
    rb'(?:docs/jsonldcontext\.jsonl?d?|version/latest/schemaorg-current-https?\.jsonld)?"'
)
_IN_PLACE = rb'\1{"@vocab":"https://schema.org/"}'
_KEY = b'"@context"'
_LONGEST = 800
"""Bytes that a context by its address may take, blanks included."""
_BLOCK = 1 << 16


class WithSchemaOrg:
    """A file of JSON-LD with the context of schema.org written out."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._ready = b""
        self._kept = b""
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        while not self._ended and (size < 0 or len(self._ready) < size):
            block = self._file.read(_BLOCK)
            self._ended = not block
            text = _CONTEXT.sub(_IN_PLACE, self._kept + block)
            end = len(text) if self._ended else self._undecided(text)
            self._ready += text[:end]
            self._kept = text[end:]
        if size < 0:
            size = len(self._ready)
        found, self._ready = self._ready[:size], self._ready[size:]
        return found

    @staticmethod
    def _undecided(text: bytes) -> int:
        """Where something begins that may be a context whose end has not come."""
        near = text.rfind(_KEY, max(0, len(text) - _LONGEST))
        return near if near >= 0 else max(0, len(text) - len(_KEY))
