import torch
from torch.nn.functional import unfold

from k3m_kg_vision.regions import patches


def test_patches_are_those_of_unfold_in_its_order() -> None:
    pictures = torch.randn(3, 3, 12, 8, generator=torch.Generator().manual_seed(0))
    expected = unfold(pictures, 4, stride=4).transpose(1, 2)
    assert torch.equal(patches(pictures, 4), expected)
    last = pictures.contiguous(memory_format=torch.channels_last)
    assert torch.equal(patches(last, 4), expected)
