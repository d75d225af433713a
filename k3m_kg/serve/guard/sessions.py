"""Sessions: a signed cookie that says who this is, and a mark that only our own pages know.

Nothing is kept on the server: the key is drawn at its start, so sessions end with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Sequence

from k3m_kg.serve.guard.roles import Role, Visitor
from k3m_kg.serve.settings import AccessToken

COOKIE = "k3m_kg_session"
LASTS = 12 * 3600
"""Seconds of a session."""
LONGEST_NAME = 60


class Sessions:
    """Makes and reads cookies.

    Args:
        tokens: of which one opens a session.
        clock: seconds.
    """

    def __init__(
        self, tokens: Sequence[AccessToken], clock: Callable[[], float] = time.time
    ) -> None:
        self._tokens, self._clock = tokens, clock
        self._key = secrets.token_bytes(32)

    def role_of(self, secret: str) -> Role | None:
        """The role of a token; None where it is none. Takes as long whatever is given."""
        found = None
        for token in self._tokens:
            if hmac.compare_digest(token.secret.encode(), secret.encode()):
                found = token.role
        return found

    def open(self, name: str, role: Role | None) -> tuple[Visitor, str]:
        """A new session, and its cookie's value."""
        session = secrets.token_urlsafe(18)
        content = json.dumps([session, name, role, int(self._clock()) + LASTS]).encode()
        text = base64.urlsafe_b64encode(content).decode()
        return Visitor(name, role, session), f"{text}.{self._sign(text)}"

    def read(self, cookie: str) -> Visitor | None:
        """Who a cookie says this is; None where it is not ours, or over."""
        text, _, mark = cookie.partition(".")
        if not hmac.compare_digest(mark.encode(), self._sign(text).encode()):
            return None
        try:
            session, name, role, ends = json.loads(base64.urlsafe_b64decode(text))
        except (ValueError, binascii.Error):  # our own signature on something else: not today
            return None
        if ends < self._clock():
            return None
        return Visitor(name, None if role is None else Role(role), session)

    def mark(self, visitor: Visitor) -> str:
        """What a form of this session carries, and no other site can know."""
        return self._sign(f"form {visitor.session}")

    def is_mark(self, visitor: Visitor, given: str) -> bool:
        """Whether a form came from a page of this session."""
        return bool(visitor.session) and hmac.compare_digest(
            given.encode(), self.mark(visitor).encode()
        )

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
