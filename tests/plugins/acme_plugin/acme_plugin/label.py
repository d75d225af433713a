"""A command that prints a label."""

from typing import Annotated

import typer

from k3m_kg.api import UsageError


def label(
    product: str, width: Annotated[int, typer.Option(help="Of the label, in letters.")] = 20
) -> None:
    """Print a label for PRODUCT."""
    if width < len(product):
        raise UsageError(
            "the label is too narrow", where="--width", hint=f"{len(product)} at least"
        )
    print(f"[{product:^{width}}]")
