"""Product pictures drawn with Pillow: an outline by type, a stretch by form, a surface by pattern.

Position, size, tilt, light, background, contrast colour and sensor noise vary from picture to
picture, so that reading an attribute off the pixels takes learning.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIZE = 96
_SCALE = 2  # drawn larger, then reduced: smooth edges
_SIDE = SIZE * _SCALE

_HUES = {  # hue in degrees, saturation, lightness
    "red": (2, 0.75, 0.46), "orange": (27, 0.9, 0.52), "yellow": (50, 0.9, 0.54),
    "green": (120, 0.5, 0.38), "teal": (178, 0.65, 0.38), "blue": (218, 0.7, 0.46),
    "purple": (276, 0.5, 0.46), "pink": (335, 0.75, 0.7), "brown": (24, 0.48, 0.28),
    "grey": (215, 0.05, 0.52),
}  # fmt: skip
_STRETCH = {"tall": (0.64, 1.0), "regular": (0.9, 0.9), "wide": (1.0, 0.62)}

_Pen = ImageDraw.ImageDraw
_Box = tuple[float, float, float, float]


def _points(box: _Box, shares: list[tuple[float, float]]) -> list[tuple[float, float]]:
    x0, y0, x1, y1 = box
    return [(x0 + x * (x1 - x0), y0 + y * (y1 - y0)) for x, y in shares]


def _mirrored(right: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [*right, *((1 - x, y) for x, y in reversed(right))]


def _part(box: _Box, x0: float, y0: float, x1: float, y1: float) -> _Box:
    (a, b), (c, d) = _points(box, [(x0, y0), (x1, y1)])
    return (a, b, c, d)


# Each outline draws the patterned body with `body` and its plain parts with `trim`.


def _mug(body: _Pen, trim: _Pen, box: _Box) -> None:
    trim.ellipse(_part(box, 0.62, 0.25, 1.0, 0.78), outline=255, width=_SIDE // 26)
    body.rounded_rectangle(_part(box, 0.05, 0.05, 0.8, 0.95), radius=_SIDE // 24, fill=255)
    trim.ellipse(_part(box, 0.05, 0.0, 0.8, 0.13), fill=255)


def _bottle(body: _Pen, trim: _Pen, box: _Box) -> None:
    trim.rectangle(_part(box, 0.4, 0.0, 0.6, 0.1), fill=255)
    body.polygon(
        _points(
            box,
            _mirrored([(0.58, 0.1), (0.6, 0.3), (0.78, 0.45), (0.78, 1)]),
        ),
        fill=255,
    )


def _lamp(body: _Pen, trim: _Pen, box: _Box) -> None:
    trim.rectangle(_part(box, 0.47, 0.45, 0.53, 0.95), fill=255)
    trim.ellipse(_part(box, 0.25, 0.88, 0.75, 1.0), fill=255)
    body.polygon(_points(box, [(0.32, 0.0), (0.68, 0.0), (0.95, 0.55), (0.05, 0.55)]), fill=255)


def _bag(body: _Pen, trim: _Pen, box: _Box) -> None:
    trim.arc(_part(box, 0.25, 0.0, 0.75, 0.7), 180, 360, fill=255, width=_SIDE // 30)
    body.polygon(_points(box, [(0.12, 0.33), (0.88, 0.33), (1.0, 1.0), (0.0, 1.0)]), fill=255)


def _shirt(body: _Pen, trim: _Pen, box: _Box) -> None:
    right = [(0.62, 0.0), (1.0, 0.22), (0.9, 0.45), (0.76, 0.36), (0.76, 1.0)]
    body.polygon(_points(box, _mirrored(right)), fill=255)
    trim.ellipse(_part(box, 0.37, -0.09, 0.63, 0.11), fill=255)


def _shoe(body: _Pen, trim: _Pen, box: _Box) -> None:
    body.polygon(
        _points(
            box,
            [(0.05, 0.2), (0.38, 0.2), (0.5, 0.48), (0.85, 0.6), (1.0, 0.74), (1.0, 0.9), (0, 0.9)],
        ),
        fill=255,
    )
    trim.rounded_rectangle(_part(box, 0.0, 0.82, 1.0, 0.95), radius=_SIDE // 40, fill=255)


def _chair(body: _Pen, trim: _Pen, box: _Box) -> None:
    for x in (0.2, 0.74):
        trim.rectangle(_part(box, x, 0.55, x + 0.07, 1.0), fill=255)
    body.rounded_rectangle(_part(box, 0.16, 0.0, 0.85, 0.46), radius=_SIDE // 24, fill=255)
    body.rectangle(_part(box, 0.08, 0.52, 0.93, 0.67), fill=255)


def _hat(body: _Pen, trim: _Pen, box: _Box) -> None:
    body.ellipse(_part(box, 0.0, 0.62, 1.0, 0.95), fill=255)
    body.pieslice(_part(box, 0.2, 0.08, 0.8, 1.4), 180, 360, fill=255)
    trim.rectangle(_part(box, 0.2, 0.6, 0.8, 0.69), fill=255)


_OUTLINES: dict[str, Callable[[_Pen, _Pen, _Box], None]] = {
    "mug": _mug, "bottle": _bottle, "lamp": _lamp, "bag": _bag,
    "shirt": _shirt, "shoe": _shoe, "chair": _chair, "hat": _hat,
}  # fmt: skip


def draw_picture(facts: Mapping[str, str], generator: np.random.Generator) -> Image.Image:
    """An RGB picture, `SIZE` x `SIZE`, of a product with these facts."""
    body, trim = Image.new("L", (_SIDE, _SIDE)), Image.new("L", (_SIDE, _SIDE))
    box = _place(_STRETCH[facts["form"]], generator)
    _OUTLINES[facts["product type"]](ImageDraw.Draw(body), ImageDraw.Draw(trim), box)

    colour = _colour(facts["colour"], generator)
    light = sum(colour) / 3
    second = (250, 248, 240) if light < 150 else (45, 42, 50)
    surface = Image.composite(
        Image.new("RGB", body.size, second),
        Image.new("RGB", body.size, colour),
        _pattern(facts["pattern"], generator),
    )
    product = Image.new("RGB", body.size, _darker(colour, 0.62))
    product.paste(surface, mask=body)
    mask = ImageChops.lighter(body, trim)

    scene = _background(generator)
    _shadow(scene, box, generator)
    tilt = generator.normal(0, 5)
    scene.paste(product.rotate(tilt), mask=mask.rotate(tilt))
    return _photograph(scene, generator)


def _place(stretch: tuple[float, float], generator: np.random.Generator) -> _Box:
    size = _SIDE * generator.uniform(0.7, 0.92)
    width, height = (size * share * generator.uniform(0.95, 1.05) for share in stretch)
    x = (_SIDE - width) / 2 + generator.uniform(-0.3, 0.3) * (_SIDE - width)
    y = (_SIDE - height) / 2 + generator.uniform(-0.3, 0.3) * (_SIDE - height)
    return (x, y, x + width, y + height)


def _colour(name: str, generator: np.random.Generator) -> tuple[int, int, int]:
    hue, saturation, light = _HUES[name]
    return _rgb(
        (hue + generator.normal(0, 4)) / 360 % 1,
        np.clip(saturation * generator.uniform(0.85, 1.1), 0, 1),
        np.clip(light + generator.normal(0, 0.03), 0, 1),
    )


def _rgb(hue: float, saturation: float, light: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue, light, saturation)
    return (round(255 * red), round(255 * green), round(255 * blue))


def _darker(colour: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(part * share) for part in colour)
    return (red, green, blue)


def _pattern(name: str, generator: np.random.Generator) -> Image.Image:
    """A mask of the contrast colour, `_SIDE` x `_SIDE`."""
    mask = Image.new("L", (_SIDE, _SIDE))
    pen = ImageDraw.Draw(mask)
    step = _SIDE / generator.uniform(8, 11)
    shift = generator.uniform(0, step)
    places = np.arange(-1, _SIDE / step + 2) * step + shift
    if name == "striped":
        for y in places:
            pen.rectangle((0, y, _SIDE, y + 0.4 * step), fill=255)
    elif name == "checked":
        for place in places:
            pen.rectangle((0, place, _SIDE, place + 0.28 * step), fill=255)
            pen.rectangle((place, 0, place + 0.28 * step, _SIDE), fill=255)
    elif name == "dotted":
        radius = 0.27 * step
        for row, y in enumerate(places):
            for x in places + step / 2 * (row % 2):
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    elif name == "zigzag":
        for y in places:
            line = [(x, y + step * 0.45 * (turn % 2)) for turn, x in enumerate(places)]
            pen.line(line, fill=255, width=round(0.3 * step))
    return mask


def _background(generator: np.random.Generator) -> Image.Image:
    hue, saturation = generator.random(), generator.uniform(0, 0.25)
    wall = _rgb(hue, saturation, generator.uniform(0.8, 0.97))
    scene = Image.new("RGB", (_SIDE, _SIDE), wall)
    if generator.random() < 0.5:  # a table or floor
        edge = _SIDE * generator.uniform(0.6, 0.85)
        floor = _rgb(generator.random(), generator.uniform(0, 0.3), generator.uniform(0.6, 0.85))
        ImageDraw.Draw(scene).rectangle((0, edge, _SIDE, _SIDE), fill=floor)
    return scene


def _shadow(scene: Image.Image, box: _Box, generator: np.random.Generator) -> None:
    mask = Image.new("L", (_SIDE // 4, _SIDE // 4))
    x0, _, x1, y1 = (part / 4 for part in box)
    lean = generator.uniform(-4, 4)
    ImageDraw.Draw(mask).ellipse((x0 + lean, y1 - 4, x1 + lean, y1 + 4), fill=90)
    mask = mask.filter(ImageFilter.GaussianBlur(2)).resize(scene.size)
    scene.paste((25, 25, 35), mask=mask)


def _photograph(scene: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Uneven light, a little blur and sensor noise."""
    small = scene.resize((SIZE, SIZE), Image.Resampling.BOX)
    if generator.random() < 0.3:
        small = small.filter(ImageFilter.GaussianBlur(generator.uniform(0.3, 0.8)))
    pixels = np.asarray(small, dtype=np.float32)
    across = np.linspace(-1, 1, SIZE, dtype=np.float32)
    angle = generator.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * across[None, :] + np.sin(angle) * across[:, None]
    light = generator.uniform(0.82, 1.1) * (1 + generator.uniform(0, 0.18) * slope)
    noise = generator.normal(0, generator.uniform(1, 7), pixels.shape)
    return Image.fromarray(np.clip(pixels * light[..., None] + noise, 0, 255).astype(np.uint8))
