"""Who is asking, and what that allows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """Each may do what those before it may."""

    READER = 1
    """Looks at everything, asks the model."""
    REVIEWER = 2
    """Decides on proposals and findings, and takes own decisions back."""
    ADMIN = 3
    """Writes proposals of a model, takes any run back."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request.

    Attributes:
        name: as decisions are signed.
        role: None where nobody said who they are, and they had to.
        session: what binds forms to a browser; empty where a program came with a token.
        local: no tokens are set, so whoever reaches the server is its user.
    """

    name: str
    role: Role | None
    session: str = ""
    local: bool = False

    def may(self, role: Role) -> bool:
        """Whether this visitor has that role or one above it."""
        return self.role is not None and self.role >= role
