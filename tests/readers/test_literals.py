"""Texts that are values of JSON, Python and Ruby."""

from __future__ import annotations

import ast
import json
import random
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k3m_kg.readers.mapped.literals import MAX_DEPTH, NoLiteralError, read_literal

LEAVES = st.none() | st.booleans() | st.text(st.characters(codec="utf-8"), max_size=8)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(TREES, max_size=4))
def test_what_python_and_json_print_is_read_back(tree: list[Any]) -> None:
    assert read_literal(json.dumps(tree)) == tree
    assert read_literal(repr(tree)) == tree == ast.literal_eval(repr(tree))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"spec"=>[{"key"=>"a", "value"=>"it\'s"}, {"value"=>nil}]}',
         {"spec": [{"key": "a", "value": "it's"}, {"value": None}]}),
        ("{'n': 1.50, 'big': 12345678901234567890, 'e': 1e400}",
         {"n": "1.50", "big": "12345678901234567890", "e": "1e400"}),
        ("[u'a', Decimal('1.50'), (1, 2,), {3}]", ["a", ["1.50"], ["1", "2"], ["3"]]),
        ("red", "red"), ("'red'", "red"), ('"a\\u00e9"', "aé"), ("it's", "it's"),
        ("{}", {}), ("[]", []), ("()", []),
    ],
)  # fmt: skip
def test_literals(text: str, value: object) -> None:
    assert read_literal(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "{", "[1", "[1]]", "{'a'", "{'a': }", "{'a': 1 2}", "[,]", "{'a': 1, 'b'}", "['a' 'b']",
        "{'a': 'b': 1}", "[" * (MAX_DEPTH + 1), '{"a": ' * 5_000, "[__import__('os')", "(((",
        "{[1]: 2}", "[1}", "[}",
    ],
)  # fmt: skip
def test_what_begins_as_a_literal_and_is_none_is_refused(text: str) -> None:
    with pytest.raises(NoLiteralError):
        read_literal(text)


def test_any_text_is_read_or_refused_in_linear_time() -> None:
    generator = random.Random(7)
    pieces = ["[", "]", "{", "}", "(", ")", ",", ":", "=>", "'", '"', "\\", "a", " ", "None", "1"]
    for _ in range(2000):
        text = "[" + "".join(generator.choices(pieces, k=generator.randrange(40)))
        with suppress(NoLiteralError):
            read_literal(text)
    for text in ("['" + "\\" * 200_000, "[" + "'a'," * 100_000, "['" + "a" * 500_000):
        with suppress(NoLiteralError):
            read_literal(text)
