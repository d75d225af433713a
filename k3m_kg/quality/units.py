"""Numbers with units, where one property mixes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_DIMENSIONS = {
    "length": "nm um µm mm cm dm m km in inch inches \" ″ ft feet foot ' yd mi "
    "毫米 厘米 公分 米 寸",
    "mass": "ug µg mg g gr gram grams kg kgs t lb lbs oz 毫克 克 千克 公斤 斤 吨",
    "volume": "ml cl dl l ltr litre liter litres liters gal qt pt floz 毫升 升",
    "power": "mw w kw watt watts hp 瓦 千瓦",
    "voltage": "mv v kv volt volts 伏",
    "current": "ma a amp amps",
    "charge": "mah ah 毫安 毫安时",
    "data": "b kb mb gb tb kib mib gib",
    "frequency": "hz khz mhz ghz",
    "time": "ms s sec secs second seconds min mins minute minutes h hr hrs hour hours day days "
    "week weeks month months year years 秒 分钟 小时 天 日 周 月 个月 年",
    "temperature": "°c °f ℃ ℉ k",
    "pressure": "pa kpa mpa bar psi",
}
_DIMENSION = {unit: name for name, units in _DIMENSIONS.items() for unit in units.split()}
_NUMBER = re.compile(r"[<>~≈±≤≥+-]?\s*\d+(?:[.,]\d+)*\s*(\D{0,8})")
_MOST, _SOME = 0.5, 0.2


def mixed_units(values: Iterable[tuple[str, int]]) -> dict[str, int] | None:
    """Units and their counts, if most values are numbers of one dimension in several units.

    A number without a unit beside ones with a unit counts as the unit ''.

    Args:
        values: the values of one property, each with its count.
    """
    units: Counter[str] = Counter()
    total = 0
    for text, count in values:
        total += count
        if (found := _NUMBER.fullmatch(text.strip())) is not None:
            unit = found.group(1).strip().rstrip(".").casefold().replace(" ", "")
            if not unit or unit in _DIMENSION:
                units[unit] += count
    with_unit = Counter({unit: count for unit, count in units.items() if unit})
    if units.total() < _MOST * total or not with_unit:
        return None
    dimension = _DIMENSION[with_unit.most_common(1)[0][0]]
    alike = {u: n for u, n in units.most_common() if not u or _DIMENSION[u] == dimension}
    # A letter behind a single number of many is no unit.
    some = sum(alike.values()) - alike.get("", 0) >= _SOME * sum(alike.values())
    return alike if len(alike) > 1 and some else None
