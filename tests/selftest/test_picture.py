"""The red panda at any size, and its way onto any terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selftest.pictures import NoPicture, Studio, blur_taps, edge_taps
from selftest.redpanda import draw_red_panda
from selftest.terminal import Colours, choose_colours, render, side_by_side

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("side", [16, 33, 512])
def test_it_is_drawn_at_any_size(side: int) -> None:
    image = draw_red_panda(side)
    assert (image.size, image.mode) == ((side, side), "RGBA")
    assert image.getchannel("A").getextrema() == (255, 255)


def test_it_is_the_same_every_time_and_shows_the_same_at_every_size() -> None:
    assert draw_red_panda(64).tobytes() == draw_red_panda(64).tobytes()
    large = np.asarray(draw_red_panda(512).resize((64, 64), Image.Resampling.BOX), float)
    assert np.abs(large - np.asarray(draw_red_panda(64), float)).mean() < 4


def test_it_is_red_with_dark_eyes_and_pale_cheeks() -> None:
    image = draw_red_panda(200)
    forehead, eye, cheek = (image.getpixel(place) for place in ((66, 66), (75, 99), (40, 128)))
    assert isinstance(forehead, tuple)
    assert isinstance(eye, tuple)
    assert isinstance(cheek, tuple)
    assert forehead[0] > 150 > forehead[2] + 50
    assert max(eye[:3]) < 80
    assert min(cheek[:3]) > 180


@pytest.mark.parametrize("side", [0, 15, 4097])
def test_sizes_have_limits(side: int) -> None:
    with pytest.raises(ValueError, match="expected 16 to 4096 pixels"):
        draw_red_panda(side)


def test_blur_keeps_brightness_and_edges_are_nothing_on_even_ground() -> None:
    for radius in (1, 4, 15):
        assert np.allclose(blur_taps(radius).sum(axis=1), 1)
        assert abs(edge_taps(radius).sum()) < 1e-5


def test_a_device_that_left_no_picture_is_told(tmp_path: Path) -> None:
    studio = Studio(tmp_path, 32)
    studio.prepare()
    (tmp_path / "numpy-0").mkdir()
    with pytest.raises(NoPicture):
        list(studio.results("numpy:0"))
    for array in (np.zeros((2, 2, 4), np.float32), np.zeros((32, 32, 4))):
        np.save(tmp_path / "numpy-0/blur.npy", array)
        with pytest.raises(NoPicture):
            list(studio.results("numpy:0"))


@pytest.mark.parametrize(
    ("environ", "encoding", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "utf-8", Colours.TRUE),
        ({"TERM": "xterm-256color"}, "UTF-8", Colours.CUBE),
        ({"TERM": "xterm"}, "utf-8", Colours.BASIC),
        ({"TERM": "linux"}, "utf-8", Colours.BASIC),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "utf-8", Colours.BLOCKS),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "utf-8", Colours.CUBE),
        ({"TERM": "vt100"}, "utf-8", Colours.ASCII),
        ({"TERM": "dumb"}, "utf-8", Colours.ASCII),
        ({}, "utf-8", Colours.ASCII),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit"}, "latin-1", Colours.ASCII),
        ({"TERM": "xterm-256color"}, None, Colours.ASCII),
    ],
)
def test_colours_follow_the_environment(
    environ: Mapping[str, str], encoding: str | None, colours: Colours
) -> None:
    assert choose_colours(environ, encoding) is colours


@pytest.mark.parametrize("colours", list(Colours))
def test_every_terminal_gets_lines_of_the_same_width(colours: Colours) -> None:
    lines = render(draw_red_panda(128), 30, colours)
    assert len(lines) == 15
    assert {len(ESCAPE.sub("", line)) for line in lines} == {30}
    escapes = any("\x1b" in line for line in lines)
    assert escapes is (colours in (Colours.TRUE, Colours.CUBE, Colours.BASIC))
    if escapes:
        assert all(line.endswith("\x1b[0m") for line in lines)
    if colours is Colours.ASCII:
        assert "".join(lines).isascii()


def test_colours_are_those_of_the_pixels() -> None:
    image = Image.new("RGB", (2, 2), (255, 0, 0))
    image.paste((0, 0, 255), (0, 1, 2, 2))
    (line,) = render(image, 2, Colours.TRUE)
    assert line.startswith("\x1b[38;2;255;0;0;48;2;0;0;255m\u2580")
    (line,) = render(image, 2, Colours.CUBE)
    assert line.startswith("\x1b[38;5;196;48;5;21m\u2580")
    (line,) = render(image, 2, Colours.BASIC)
    assert line.startswith("\x1b[31;44m\u2580")


def test_pictures_stand_side_by_side() -> None:
    assert side_by_side([["a", "b"], ["c", "d"]], gap="|") == ["a|c", "b|d"]
