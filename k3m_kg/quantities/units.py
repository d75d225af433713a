"""Units as catalogs write them, each with its dimension and its size in that dimension's base."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measurement.

    Attributes:
        symbol: as figures are shown: `kg`, `GB`.
        dimension: what it measures; quantities of one dimension can be compared.
        scale: how many of the dimension's base unit it is.
        offset: base = number * scale + offset; of temperatures.
    """

    symbol: str
    dimension: str
    scale: float
    offset: float = 0.0

    def to_base(self, number: float) -> float:
        """A number of this unit in the base unit."""
        return number * self.scale + self.offset

    def from_base(self, number: float) -> float:
        """A number of the base unit in this one."""
        return (number - self.offset) / self.scale


INTERVAL_DIMENSIONS = frozenset({"temperature"})
"""Their zero is a convention, so that a share of a number means nothing."""

_INCH = 0.0254
_POUND = 0.45359237
_GALLON = 3.785411784

# Other names after the symbol. What means two things in two cases (mW and MW) is found as it
# stands, all else in any case.
_TABLE: dict[str, dict[str, tuple[float, str]]] = {
    "length": {
        "m": (1, "metre, metres, meter, meters"),
        "km": (1e3, "kilometre, kilometres, kilometer, kilometers"),
        "dm": (0.1, ""),
        "cm": (1e-2, "centimetre, centimetres, centimeter, centimeters"),
        "mm": (1e-3, "millimetre, millimetres, millimeter, millimeters"),
        "µm": (1e-6, "um, micron, microns, micrometre, micrometer"),
        "nm": (1e-9, "nanometre, nanometer"),
        "in": (_INCH, "inch, inches, zoll, \", ”, ″, ′′, '', ’’, in."),
        "ft": (12 * _INCH, "feet, foot, ft., ', ′, ’"),
        "yd": (36 * _INCH, "yard, yards, yds"),
        "mi": (1609.344, "mile, miles"),
        "mil": (_INCH / 1e3, "mils"),
    },
    "mass": {
        "kg": (1, "kilogram, kilograms, kilo, kilos, kgs, kilogramm"),
        "g": (1e-3, "gram, grams, gr, gramm, grm"),
        "mg": (1e-6, "milligram, milligrams"),
        "µg": (1e-9, "ug, mcg"),
        "t": (1e3, "tonne, tonnes, tonnen"),
        "lb": (_POUND, "lbs, lb., lbs., pound, pounds"),
        "oz": (_POUND / 16, "oz., ounce, ounces"),
    },
    "volume": {
        "l": (1, "L, litre, litres, liter, liters, ltr"),
        "dl": (0.1, "decilitre"),
        "cl": (1e-2, "centilitre"),
        "ml": (1e-3, "millilitre, millilitres, milliliter, milliliters"),
        "m³": (1e3, "m3, cbm"),
        "cm³": (1e-3, "cm3, ccm, cc"),
        "gal": (_GALLON, "gal., gallon, gallons"),
        "qt": (_GALLON / 4, "qt., quart, quarts"),
        "pt": (_GALLON / 8, "pt., pint, pints"),
        "fl oz": (_GALLON / 128, "fl.oz., fl. oz., fluid ounce, fluid ounces, floz"),
        "cu ft": (28.316846592, "cu. ft., cubic feet"),
    },
    "area": {
        "m²": (1, "m2, qm, sqm, sq m"),
        "cm²": (1e-4, "cm2"),
        "mm²": (1e-6, "mm2"),
        "ft²": (0.09290304, "ft2, sq ft, sq. ft., sqft, square feet"),
    },
    "data": {
        "B": (1, "byte, bytes"),
        "kB": (1e3, "KB, kilobyte, kilobytes"),
        "MB": (1e6, "megabyte, megabytes"),
        "GB": (1e9, "gigabyte, gigabytes, gigs"),
        "TB": (1e12, "terabyte, terabytes"),
        "PB": (1e15, "petabyte, petabytes"),
        "KiB": (2**10, ""),
        "MiB": (2**20, ""),
        "GiB": (2**30, ""),
        "TiB": (2**40, ""),
        "Mbit": (1e6 / 8, "megabit, megabits"),
        "Gbit": (1e9 / 8, "gigabit, gigabits"),
    },
    "data rate": {
        "kbit/s": (1e3, "kbps, kb/s"),
        "Mbit/s": (1e6, "mbps, Mb/s"),
        "Gbit/s": (1e9, "gbps, Gb/s"),
        "MB/s": (8e6, "MBps"),
        "GB/s": (8e9, "GBps"),
    },
    "frequency": {
        "Hz": (1, "hertz"),
        "kHz": (1e3, "kilohertz"),
        "MHz": (1e6, "megahertz"),
        "GHz": (1e9, "gigahertz"),
    },
    "power": {
        "W": (1, "w, watt, watts"),
        "mW": (1e-3, "milliwatt, milliwatts"),
        "kW": (1e3, "kilowatt, kilowatts"),
        "MW": (1e6, "megawatt"),
        "hp": (745.7, "horsepower"),
    },
    "apparent power": {"VA": (1, ""), "kVA": (1e3, "")},
    "heat rate": {"BTU/h": (1, "btu, btu/hr, btuh")},
    "energy": {
        "Wh": (1, ""),
        "kWh": (1e3, ""),
        "J": (1 / 3600, "joule, joules"),
        "kJ": (1 / 3.6, ""),
    },
    "charge": {"mAh": (1, ""), "Ah": (1e3, "")},
    "voltage": {"V": (1, "v, volt, volts, vac, vdc"), "mV": (1e-3, "millivolt"), "kV": (1e3, "")},
    "current": {"A": (1, "amp, amps, ampere, amperes"), "mA": (1e-3, ""), "µA": (1e-6, "ua")},
    "resistance": {"Ω": (1, "ohm, ohms"), "kΩ": (1e3, "kohm"), "mΩ": (1e-3, "mohm")},
    "capacitance": {"F": (1, "farad"), "µF": (1e-6, "uf"), "nF": (1e-9, ""), "pF": (1e-12, "")},
    "temperature": {"°C": (1, "degc, celsius, ºC"), "°F": (5 / 9, "degf, fahrenheit, ºF")},
    "time": {
        "s": (1, "sec, secs, second, seconds, sek, sekunden"),
        "ms": (1e-3, "millisecond, milliseconds"),
        "µs": (1e-6, "us"),
        "ns": (1e-9, ""),
        "min": (60, "mins, minute, minutes, minuten"),
        "h": (3600, "hr, hrs, hour, hours, std, stunden"),
        "d": (86400, "day, days, tage"),
        "months": (2629746, "month, monate"),
        "years": (31556952, "year, yr, yrs, jahre"),
    },
    "speed": {"km/h": (1, "kmh, kph"), "mph": (1.609344, ""), "m/s": (3.6, "")},
    "rotation": {"rpm": (1, "r/min, u/min")},
    "pressure": {
        "bar": (1, "bars"),
        "mbar": (1e-3, ""),
        "Pa": (1e-5, "pascal"),
        "hPa": (1e-3, ""),
        "kPa": (1e-2, ""),
        "MPa": (10, ""),
        "psi": (0.0689475729, ""),
        "mmHg": (0.00133322, ""),
    },
    "flow": {"CFM": (1, ""), "m³/h": (0.588578, "m3/h")},
    "luminous flux": {"lm": (1, "lumen, lumens")},
    "luminance": {"cd/m²": (1, "cd/m2, nit, nits")},
    "illuminance": {"lx": (1, "lux")},
    "sound": {"dB": (1, "db(a), dba, decibel, decibels"), "dBi": (1, ""), "dBm": (1, "")},
    "share": {"%": (1, "percent, prozent, pct")},
    "angle": {"°": (1, "deg, degree, degrees, grad")},
    "resolution": {"MP": (1, "megapixel, megapixels, mpx, mpix"), "dpi": (1, "")},
    "count": {
        "pcs": (
            1,
            "pc, pc., pcs., piece, pieces, each, ea, ea., stück, stk, stk., st., count, pk, "
            "/box, /pack, /carton, /case, /pk, /ct, /bag, /roll",
        ),
        "sheets": (1, "sheet, blatt"),
        "rolls": (1, "roll, rollen"),
    },
}
_APART = {"sound", "resolution"}
"""Dimensions whose units do not compare: each of them is one of its own."""
_OFFSETS = {"°F": -160 / 9}


def _units() -> tuple[dict[str, Unit], dict[str, Unit]]:
    exact: dict[str, Unit] = {}
    folded: dict[str, Unit] = {}
    clashes: set[str] = set()
    for dimension, rows in _TABLE.items():
        for symbol, (scale, names) in rows.items():
            of = f"{dimension} in {symbol}" if dimension in _APART else dimension
            unit = Unit(symbol, of, scale, _OFFSETS.get(symbol, 0.0))
            for name in filter(None, (symbol, *names.split(", "))):
                exact[name] = unit
                key = name.casefold()
                if len(name) > 1 and folded.setdefault(key, unit) != unit:
                    clashes.add(key)  # what one letter means depends on its case
    return exact, {key: unit for key, unit in folded.items() if key not in clashes}


_EXACT, _FOLDED = _units()


def unit_of(text: str) -> Unit | None:
    """The unit that a text names, as people write it; None where it is none that we know."""
    return _EXACT.get(text) or _FOLDED.get(text.casefold())
