"""An original red panda, drawn by code at any size: the picture that the self-test filters.

All coordinates are parts of the picture's side; the origin is its upper left corner. Drawn larger
and scaled down, for smooth edges. Needs Pillow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from PIL import Image, ImageDraw, ImageFilter

Point: TypeAlias = tuple[float, float]
Colour: TypeAlias = tuple[int, int, int]

_OVERSAMPLING: Final = 3
SIDE_LEAST: Final = 16
SIDE_MOST: Final = 4096

_SKY_TOP: Final = (32, 50, 92)
_SKY_BOTTOM: Final = (120, 165, 190)
_MOON: Final = (250, 240, 205)
_RUST: Final = (200, 92, 38)
_RUST_LIGHT: Final = (226, 128, 62)
_RUST_DARK: Final = (150, 58, 24)
_CREAM: Final = (255, 246, 230)
_COCOA: Final = (64, 34, 26)
_NIGHT: Final = (26, 18, 18)
_BLUSH: Final = (240, 150, 120)
_LEAF: Final = (96, 150, 84)
_LEAF_DARK: Final = (58, 108, 66)
_BRANCH: Final = (104, 70, 48)
_BRANCH_LIGHT: Final = (140, 98, 66)

_STARS: Final = (
    (0.9, 0.08, 5),
    (0.3, 0.06, 3),
    (0.06, 0.4, 3),
    (0.54, 0.08, 4),
    (0.95, 0.3, 3),
    (0.7, 0.05, 3),
    (0.85, 0.22, 3),
)


@dataclass(frozen=True, slots=True)
class Canvas:
    """A square that is drawn on in parts of its side.

    Attributes:
        draw: Pillow's pen.
        side: pixels.
    """

    draw: ImageDraw.ImageDraw
    side: int

    def ellipse(self, centre: Point, width: float, height: float, fill: Colour) -> None:
        """Fill an ellipse of the given half axes."""
        x, y = centre
        box = [(x - width) * self.side, (y - height) * self.side]
        box += [(x + width) * self.side, (y + height) * self.side]
        self.draw.ellipse(box, fill)

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """Fill a polygon."""
        self.draw.polygon([(x * self.side, y * self.side) for x, y in points], fill)

    def curve(self, corners: Sequence[Point], fill: Colour) -> None:
        """Fill the closed smooth curve that the corners pull outward."""
        self.polygon(smooth(corners), fill)

    def stroke(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """Draw a line with round ends."""
        scaled = [(x * self.side, y * self.side) for x, y in points]
        self.draw.line(scaled, fill, max(1, round(width * self.side)), joint="curve")
        for point in (points[0], points[-1]):
            self.ellipse(point, width / 2, width / 2, fill)


def draw_red_panda(side: int) -> Image.Image:
    """Return the picture as RGBA, `side` pixels each way.

    Raises:
        ValueError: smaller than 16 or larger than 4096 pixels.
    """
    if not SIDE_LEAST <= side <= SIDE_MOST:
        raise ValueError(f"expected {SIDE_LEAST} to {SIDE_MOST} pixels, found {side}")
    large = side * (_OVERSAMPLING if side <= 1024 else 1)
    image = _backdrop(large)
    canvas = Canvas(ImageDraw.Draw(image), large)
    _draw_branch(canvas)
    _draw_tail(canvas)
    _draw_body(canvas)
    _draw_head(canvas)
    _draw_leaves(canvas)
    return image.resize((side, side), Image.Resampling.LANCZOS).convert("RGBA")


def smooth(corners: Sequence[Point], steps: int = 12) -> list[Point]:
    """Return the points of a closed quadratic B-spline."""
    points = []
    for number, corner in enumerate(corners):
        before, after = corners[number - 1], corners[(number + 1) % len(corners)]
        start, end = _middle(before, corner), _middle(corner, after)
        points += [_bend(start, corner, end, step / steps) for step in range(steps)]
    return points


def mirrored(points: Sequence[Point], axis: float = 0.5) -> list[Point]:
    """Return points on the other side of a vertical axis."""
    return [(2 * axis - x, y) for x, y in points]


def _middle(one: Point, other: Point) -> Point:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _bend(start: Point, corner: Point, end: Point, at: float) -> Point:
    weights = ((1 - at) ** 2, 2 * at * (1 - at), at**2)
    points = (start, corner, end)
    return (
        sum(weight * point[0] for weight, point in zip(weights, points, strict=True)),
        sum(weight * point[1] for weight, point in zip(weights, points, strict=True)),
    )


def _backdrop(side: int) -> Image.Image:
    """Return evening sky with a moon and stars."""
    gradient = Image.linear_gradient("L").resize((side, side))
    night = Image.new("RGB", (side, side), _SKY_TOP)
    image = Image.composite(Image.new("RGB", (side, side), _SKY_BOTTOM), night, gradient)
    glow = Image.new("L", (side, side), 0)
    pen = Canvas(ImageDraw.Draw(glow), side)
    pen.draw.ellipse([-0.02 * side, 0.02 * side, 0.2 * side, 0.24 * side], 120)
    glow = glow.filter(ImageFilter.GaussianBlur(side * 0.04))
    image.paste(Image.new("RGB", (side, side), _MOON), (0, 0), glow)
    canvas = Canvas(ImageDraw.Draw(image), side)
    canvas.ellipse((0.09, 0.13), 0.075, 0.075, _MOON)
    for x, y, size in _STARS:
        canvas.ellipse((x, y), size / 1000, size / 1000, _MOON)
    return image


def _draw_branch(canvas: Canvas) -> None:
    canvas.stroke([(-0.05, 0.93), (0.4, 0.955), (1.05, 0.9)], 0.09, _BRANCH)
    canvas.stroke([(-0.05, 0.91), (0.4, 0.935), (1.05, 0.88)], 0.03, _BRANCH_LIGHT)


def _draw_tail(canvas: Canvas) -> None:
    """Draw the ringed tail, curled up at the right side."""
    spine = [_tail_point(step / 60) for step in range(61)]
    for number, (x, y) in enumerate(spine):
        ring = int(number / 61 * 9) % 2
        width = 0.075 + 0.03 * math.sin(math.pi * number / 60)
        colour = _RUST_DARK if number > 56 else (_RUST, _RUST_LIGHT)[ring]
        canvas.ellipse((x, y), width, width, colour)


def _tail_point(at: float) -> Point:
    return _bend((0.62, 0.88), (1.0, 0.96), (0.885, 0.5), at)


def _draw_body(canvas: Canvas) -> None:
    canvas.curve([(0.3, 0.6), (0.7, 0.6), (0.8, 0.98), (0.5, 1.0), (0.2, 0.98)], _RUST)
    canvas.curve([(0.38, 0.62), (0.62, 0.62), (0.64, 0.95), (0.5, 0.99), (0.36, 0.95)], _COCOA)
    for side in (-1, 1):
        canvas.ellipse((0.5 + side * 0.13, 0.86), 0.062, 0.1, _COCOA)
        canvas.ellipse((0.5 + side * 0.14, 0.93), 0.075, 0.045, _NIGHT)
        for toe in (-1, 0, 1):
            canvas.ellipse((0.5 + side * 0.14 + toe * 0.035, 0.945), 0.014, 0.016, _COCOA)


def _draw_head(canvas: Canvas) -> None:
    _draw_ears(canvas)
    head = [(0.5, 0.2), (0.72, 0.22), (0.86, 0.46), (0.8, 0.66), (0.62, 0.78), (0.5, 0.78)]
    canvas.curve([*head, *reversed(mirrored(head[1:-1]))], _RUST)
    crown = [(0.5, 0.19), (0.64, 0.22), (0.66, 0.36), (0.5, 0.46)]
    canvas.curve([*crown, *reversed(mirrored(crown[1:-1]))], _RUST_LIGHT)
    _draw_cheeks(canvas)
    _draw_eyes(canvas)
    _draw_muzzle(canvas)


def _draw_ears(canvas: Canvas) -> None:
    outer = [(0.2, 0.1), (0.36, 0.16), (0.42, 0.32), (0.26, 0.42), (0.16, 0.3)]
    inner = [(0.22, 0.16), (0.32, 0.2), (0.35, 0.31), (0.26, 0.37), (0.19, 0.28)]
    tuft = [(0.25, 0.24), (0.31, 0.26), (0.33, 0.34), (0.26, 0.36)]
    for points, colour in ((outer, _CREAM), (inner, _COCOA), (tuft, _RUST_DARK)):
        canvas.curve(points, colour)
        canvas.curve(mirrored(points), colour)


def _draw_cheeks(canvas: Canvas) -> None:
    """Draw the pale brows, the cheeks, and the dark stripe from each eye to the chin."""
    brow = [(0.3, 0.36), (0.4, 0.33), (0.45, 0.4), (0.38, 0.42), (0.29, 0.43)]
    tufts = [(0.17, 0.5), (0.09, 0.545), (0.145, 0.57), (0.1, 0.63), (0.165, 0.635), (0.15, 0.7)]
    tufts += [(0.22, 0.67), (0.23, 0.73), (0.3, 0.66)]
    canvas.polygon(tufts, _CREAM)
    canvas.polygon(mirrored(tufts), _CREAM)
    cheek = [(0.14, 0.5), (0.28, 0.47), (0.38, 0.56), (0.36, 0.7), (0.26, 0.69)]
    stripe = [(0.34, 0.5), (0.4, 0.54), (0.4, 0.66), (0.37, 0.77), (0.31, 0.72), (0.34, 0.6)]
    for points, colour in ((cheek, _CREAM), (brow, _CREAM), (stripe, _RUST_DARK)):
        canvas.curve(points, colour)
        canvas.curve(mirrored(points), colour)
    for x in (0.27, 0.73):
        canvas.ellipse((x, 0.6), 0.04, 0.024, _BLUSH)


def _draw_eyes(canvas: Canvas) -> None:
    for side in (-1, 1):
        x = 0.5 + side * 0.125
        canvas.ellipse((x, 0.495), 0.054, 0.06, _COCOA)
        canvas.ellipse((x, 0.495), 0.046, 0.052, _NIGHT)
        canvas.ellipse((x + 0.016, 0.474), 0.018, 0.02, (255, 255, 255))
        canvas.ellipse((x - 0.016, 0.516), 0.009, 0.01, (190, 170, 160))


def _draw_muzzle(canvas: Canvas) -> None:
    muzzle = [(0.5, 0.53), (0.58, 0.55), (0.64, 0.66), (0.58, 0.75), (0.5, 0.76)]
    canvas.curve([*muzzle, *reversed(mirrored(muzzle[1:-1]))], _CREAM)
    nose = [(0.5, 0.585), (0.555, 0.58), (0.56, 0.62), (0.5, 0.665)]
    canvas.curve([*nose, *reversed(mirrored(nose[1:-1]))], _NIGHT)
    canvas.ellipse((0.485, 0.602), 0.014, 0.007, (120, 100, 96))
    canvas.stroke([(0.5, 0.64), (0.5, 0.675)], 0.009, _NIGHT)
    smile = [
        (0.5 + 0.055 * at / 10, 0.675 + 0.022 * math.sin(math.pi * at / 10)) for at in range(11)
    ]
    canvas.stroke(smile, 0.009, _NIGHT)
    canvas.stroke(mirrored(smile), 0.009, _NIGHT)
    canvas.ellipse((0.5, 0.706), 0.017, 0.012, _BLUSH)


def _draw_leaves(canvas: Canvas) -> None:
    """Draw bamboo at the left."""
    canvas.stroke([(0.07, 1.05), (0.1, 0.55)], 0.022, _LEAF_DARK)
    for x, y, turn, length in (
        (0.1, 0.56, -50, 0.2),
        (0.09, 0.66, 200, 0.17),
        (0.09, 0.74, -20, 0.17),
    ):
        _draw_leaf(canvas, (x, y), math.radians(turn), length)


def _draw_leaf(canvas: Canvas, root: Point, turn: float, length: float) -> None:
    along = (math.cos(turn), math.sin(turn))
    across = (-along[1], along[0])

    def place(forward: float, aside: float) -> Point:
        return (
            root[0] + length * (forward * along[0] + aside * across[0]),
            root[1] + length * (forward * along[1] + aside * across[1]),
        )

    canvas.polygon(smooth([place(0, 0), place(0.4, 0.2), place(1.15, 0), place(0.4, -0.2)]), _LEAF)
    canvas.stroke([place(0.05, 0), place(0.85, 0)], 0.005, _LEAF_DARK)
