"""What a report says of the self-test, place by place, from what the run told of it."""

from __future__ import annotations

from collections.abc import Iterator

from installer.report.happened import DevicePart, FigurePart, PicturePart, SelftestPart
from installer.stream.testevents import DeviceTested, Figure, PictureDrawn


class Tested:
    """Gathers devices and pictures."""

    def __init__(self) -> None:
        self._devices: dict[str, list[DevicePart]] = {}
        self._pictures: dict[str, list[PicturePart]] = {}

    def take(self, event: DeviceTested | PictureDrawn) -> None:
        """Note one of them."""
        if isinstance(event, DeviceTested):
            self._devices.setdefault(event.place, []).append(_device(event))
        else:
            picture = PicturePart(what=event.what, png=event.png)
            self._pictures.setdefault(event.place, []).append(picture)

    def parts(self) -> Iterator[SelftestPart]:
        """Yield each place."""
        for place in dict.fromkeys((*self._devices, *self._pictures)):
            yield SelftestPart(
                place=place,
                devices=tuple(self._devices.get(place, ())),
                pictures=tuple(self._pictures.get(place, ())),
            )


def _device(event: DeviceTested) -> DevicePart:
    return DevicePart(
        address=event.address,
        kind=event.kind,
        name=event.name,
        driver=event.driver,
        verdict=event.verdict,
        cases=event.cases,
        figures=tuple(map(_figure, event.figures)),
    )


def _figure(figure: Figure) -> FigurePart:
    return FigurePart(
        case=figure.case,
        milliseconds=figure.milliseconds,
        gflops=figure.gflops,
        gbps=figure.gbps,
        fraction=figure.fraction,
    )
