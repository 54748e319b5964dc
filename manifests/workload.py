"""What an orchestrator's document says about running an image, for the run step on the host.

No environment and no secrets: those stay on the host.
"""

from __future__ import annotations

from manifests.documents import Line, Part


class Workload(Part):
    """One app of a scheduler: a Marathon app or a container of a pod.

    Attributes:
        id: its name there, such as `/viz/web`.
        image: reference as written.
        place: `marathon.json:14`.
        instances: how many run.
        gpus: for each instance.
    """

    id: Line
    image: Line
    place: Line
    instances: int = 1
    gpus: int = 0
