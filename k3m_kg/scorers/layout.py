"""How one real vector holds what a PyKEEN interaction reads: parts, matrices, complex numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor

Parts = Tensor | list[Tensor]


class Layout:
    """Consecutive parts of a vector.

    Args:
        shapes: as PyKEEN writes them: `("d", "dd")` is a vector and a matrix, `""` one number.
        sizes: what each letter stands for.
        is_complex: two reals, the first of them real and the second imaginary, are one number.
    """

    def __init__(self, shapes: Sequence[str], sizes: Mapping[str, int], is_complex: bool) -> None:
        self.is_complex = is_complex
        self.shapes = [tuple(sizes[letter] for letter in shape) for shape in shapes]
        lengths = [prod(shape) * (2 if is_complex else 1) for shape in self.shapes]
        self.starts = [sum(lengths[:part]) for part in range(len(lengths))]
        self.lengths = lengths

    @property
    def width(self) -> int:
        """How many reals are read."""
        return sum(self.lengths)

    def read(self, vectors: Tensor, parts: Sequence[int] | None = None) -> list[Tensor]:
        """The parts asked for (all by default) of vectors (..., H), H at least `width`."""
        wanted = range(len(self.shapes)) if parts is None else parts
        return [self._part(vectors, part) for part in wanted]

    def _part(self, vectors: Tensor, part: int) -> Tensor:
        start, length = self.starts[part], self.lengths[part]
        numbers = vectors[..., start : start + length]
        if self.is_complex:
            numbers = torch.complex(numbers[..., 0::2], numbers[..., 1::2])
        return numbers.reshape(*vectors.shape[:-1], *self.shapes[part])


def as_pykeen(parts: list[Tensor]) -> Parts:
    """One part as it is, several or none as a list: what PyKEEN's interactions expect."""
    return parts[0] if len(parts) == 1 else parts
