"""Words beside points, put where nothing else is."""

import numpy as np

DIRECTIONS = [(1, 0), (0, 1), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)]
REACHES = (11.0, 16.0, 23.0, 32.0, 44.0)  # points from a point to its words
POINT = 6.0  # half the width of a point
OUTSIDE, NEAR = 3.0, 0.005  # price of leaving the frame, of distance; covering costs its area


def place_labels(axis, points, texts: list[str], taken=(), **style) -> list:
    """Annotate points of an axis, see `label_places`.

    points: [labels, 2], in data      taken: [n, 4] x0 y0 x1 y1, display pixels to keep free
    style: as `axis.annotate` takes it; a list gives each label its own
    returns: the annotations; where they are depends on the layout, which must be made before
    """
    renderer = axis.figure.canvas.get_renderer()
    scale = axis.figure.dpi / 72.0
    pixels = axis.transData.transform(np.asarray(points, float)) / scale
    notes = [
        axis.annotate(
            text, points[k], xytext=(0, 0), textcoords="offset points", zorder=6,
            ha="left", va="bottom",
            **{name: v[k] if isinstance(v, list) else v for name, v in style.items()},
        )
        for k, text in enumerate(texts)
    ]  # fmt: skip
    boxes = [note.get_window_extent(renderer) for note in notes]
    sizes = [(box.width / scale, box.height / scale) for box in boxes]
    frame = axis.get_window_extent(renderer).extents / scale
    taken = [np.asarray(box, float) / scale for box in taken]
    for note, point, size, way in zip(
        notes, pixels, sizes, label_places(pixels, sizes, frame, taken), strict=True
    ):
        note.set_position(label_box(point, size, way)[:2] - point)
    return notes


def label_places(points, sizes, frame, taken=(), reaches=REACHES) -> list[tuple]:
    """(direction, reach) of every label: one after the other goes where it covers least, then
    where it is nearest.

    points, sizes: [labels, 2]      frame: [4] x0 y0 x1 y1      taken: [n, 4] boxes to keep free
    """
    boxes = [np.asarray(box, float) for box in taken]
    boxes += [np.array([*(np.asarray(p) - POINT), *(np.asarray(p) + POINT)]) for p in points]
    chosen = []
    for point, size in zip(points, sizes, strict=True):
        ways = [(direction, reach) for reach in reaches for direction in DIRECTIONS]
        prices = []
        for way in ways:
            box = label_box(point, size, way)
            covered = sum(overlap(box, other) for other in boxes)
            outside = _area(box) - overlap(box, frame)
            prices.append(covered + OUTSIDE * outside + NEAR * way[1] ** 2)
        chosen.append(ways[int(np.argmin(prices))])
        boxes.append(label_box(point, size, chosen[-1]))
    return chosen


def label_box(point, size, way) -> np.ndarray:
    """x0 y0 x1 y1 of words which lie in some direction at some reach of a point."""
    direction, reach = np.array(way[0], float), way[1]
    size = np.asarray(size, float)
    centre = point + direction / np.linalg.norm(direction) * reach + direction * size / 2
    return np.concatenate([centre - size / 2, centre + size / 2])


def overlap(a, b) -> float:
    """Area that two boxes share."""
    a, b = np.asarray(a), np.asarray(b)
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return float(max(width, 0.0) * max(height, 0.0))


def _area(box) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
