"""`--set key=value`: YAML, and signs that are nothing in YAML."""

from __future__ import annotations

from typing import Any

import pytest

from k3m_kg.config import Settings, with_overrides
from k3m_kg.errors import ConfigError


class _Reader(Settings):
    separator: str = "x"
    names: tuple[str, ...] = ("a",)
    most: int | None = 3


def given(override: str) -> dict[str, Any]:
    return with_overrides(_Reader, {}, [override], "test").model_dump(exclude_defaults=True)


@pytest.mark.parametrize("sign", ["|", ",", "#", ">", "-", "&", "*", "!", "%", "@", ": ", "||"])
def test_a_sign_is_itself_though_yaml_has_other_uses_for_it(sign: str) -> None:
    assert given(f"separator={sign}") == {"separator": sign.strip()}
    assert given(f"separator='{sign}'") == {"separator": sign}


def test_what_yaml_can_say_is_yaml() -> None:
    assert given("names=[]") == {"names": ()}
    assert given("names=[b, '|']") == {"names": ("b", "|")}
    assert given("most=~") == given("most=") == {"most": None}
    assert given("separator=a b") == {"separator": "a b"}
    with pytest.raises(ConfigError, match="not valid YAML"):
        given("names=[b")
