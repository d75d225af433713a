"""Texts that stand where a value should be.

`schemas/catalog.shapes.ttl` is published by itself, so it holds a short form of its own.

Two kinds: a *placeholder* says that nobody filled the field in, a *catch-all* says that the value
is none of the others. Both are compared whole, without case, spaces and punctuation around.
"""

from __future__ import annotations

import re
import unicodedata

PLACEHOLDERS = frozenset(
    """
    n/a|n.a|na|n.a.|#n/a|not available|not applicable|no data|nodata|missing|tbd|t.b.d|tba|tbc
    to be determined|to be defined|to be announced|to be confirmed|unknown|unspecified|undefined
    not specified|not defined|not set|not known|not provided|not given|not entered|null|nil|nan
    (null)|(blank)|empty|(empty)|-|--|---|_|.|..|...|?|??|???|*|**|***|/|//|x|xx
    test|testing|test test|test product|test value|tests|test1|test123|dummy|foo
    foobar|foo bar|asdf|asdfgh|qwerty|qwertz|abc123|placeholder|sample text|example text|your text
    please fill in|please fill|please fill out|please specify|please select|please choose
    please enter|fill in|fill me in|to fill|select one|select an option|choose an option
    choose one|-- select --|enter value|enter text|enter here|value|insert text here|todo|to do
    fixme|coming soon|add later|do not use|delete me|none given|no value
    no information|no info|information not available
    uncategorized|uncategorised|unkategorisiert|ohne kategorie|nicht kategorisiert
    non classé|sans catégorie|sin categoría|sin categorizar|senza categoria|sem categoria
    без рубрики|без категории|未分类|未分類
    请填写|請填寫|请选择|請選擇|请输入|請輸入|待定|待填|待补充|待填写|暂无|暫無|暂无数据|未知|未填|未填写
    不详|不詳|不明|未定义|未指定|未设置|未说明|空|空白|测试|測試|测试数据|示例|默认|缺省|略
    未定|未設定|テスト|入力してください
    unbekannt|keine angabe|k.a|k. a|bitte ausfüllen|bitte wählen|bitte auswählen|nicht angegeben
    nicht verfügbar|inconnu|non renseigné|non spécifié|à compléter|à définir|non disponible
    desconocido|sin especificar|no especificado|por definir|no disponible|sconosciuto
    non specificato|da definire|desconhecido|não informado|неизвестно|не указано|не задано
    """.strip()
    .replace("\n", "|")
    .split("|")
)
CATCH_ALLS = frozenset(
    """
    other|others|other/others|misc|miscellaneous|various|none
    see description|see title|see above|see below|see picture|see pictures|as shown|as pictured
    as described|其他|其它|其他/other|其它/other|其他/其它|其他其它
    无|無|没有|无品牌|other/其他|other/其它
    见描述|见详情|详见描述|详见详情|见图|如图|详见商品描述|その他|なし|無し
    sonstige|sonstiges|andere|siehe beschreibung|autre|autres|otro|otros|altro
    altri|outro|outros|другое|прочее
    """.strip()
    .replace("\n", "|")
    .split("|")
)
_LOREM = re.compile(r"lorem ipsum|dolor sit amet", re.IGNORECASE)
_HELD_DOWN = re.compile(r"x{3,}|z{3,}")
_EDGES = " \t\n\r\u3000\"'“”‘’()[]{}<>（）【】:：;；!！,，.。"


def _key(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(_EDGES)


_PLACEHOLDERS = frozenset(map(_key, PLACEHOLDERS)) - {""}
_CATCH_ALLS = frozenset(map(_key, CATCH_ALLS)) - {""}
_NONE = frozenset(map(_key, ("none", "无", "無", "没有", "なし", "無し")))
_YES_OR_NO = re.compile(r"是否|有无|有無|有没有|^(?:is|has|with|can|includes?)\b", re.IGNORECASE)
LONGEST = max(map(len, PLACEHOLDERS | CATCH_ALLS)) + 8
"""No text longer than this is in the lists."""


def placeholder_kind(text: str, property_: str = "") -> str | None:
    """`placeholder`, `catch-all`, or None for a value that says something.

    Args:
        property_: the value's property: where it asks yes or no, "none" is an answer.
    """
    if len(text) > LONGEST:
        return "placeholder" if _LOREM.search(text) else None
    key = _key(text)
    if key in _PLACEHOLDERS or _LOREM.search(text):
        return "placeholder"
    if key in _CATCH_ALLS:
        answer = key in _NONE and _YES_OR_NO.search(property_)
        return None if answer else "catch-all"
    if _HELD_DOWN.fullmatch(key) or not any(map(_says_something, key)):
        return "placeholder"
    return None


def says_nothing(text: str, property_: str = "") -> bool:
    """Whether a value is none: a placeholder, or `none` where that is no answer.

    Other catch-alls, such as `other`, are classes that somebody chose.
    """
    kind = placeholder_kind(text, property_)
    return kind == "placeholder" or (kind == "catch-all" and _key(text) in _NONE)


def _says_something(char: str) -> bool:
    # Letters, digits, marks and symbols do; punctuation and spaces alone do not.
    return unicodedata.category(char)[0] in "LNMS" and char not in "_`^~"
