"""The front to move about in: Plotly, in one file that needs no network."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from forceladder.validate.front import climb, steps, views
from forceladder.validate.plots.front import (
    KIND_COLOURS,
    in_factors,
    in_time,
    label_of,
    zero_place,
)
from forceladder.validate.plots.labels import label_places
from forceladder.validate.plots.style import INK, LINE, SOFT, split_name
from forceladder.validate.same_molecules import COMMON, OWN
from forceladder.validate.standings import COSTS

SIZE = 17.0  # px, of a disc
PANE = (820.0, 420.0)  # px, about what the axes measure; for the places of labels
LETTER = (7.4, 15.0)  # px, about what one measures
POSITIONS = {
    (1, 0): "middle right", (0, 1): "top center", (0, -1): "bottom center", (-1, 0): "middle left",
    (1, 1): "top right", (1, -1): "bottom right", (-1, 1): "top left", (-1, -1): "bottom left",
}  # fmt: skip
FONT = 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif'


def front_page(rows: list[dict], title: str) -> str:
    """HTML of the whole, with Plotly inside.

    rows: of `standings`
    """
    return _template("front_page.html.j2").render(
        title=title, script=plotly_script(), fragment=front_fragment(rows)
    )


def front_fragment(rows: list[dict], name: str = "front") -> str:
    """The same as a part of another page, which has `plotly_script` before it.

    name: id of the element; the text depends on it and on the rows alone
    """
    found = {}
    for (error, cost), here in views(rows).items():
        found.setdefault(error, {})[cost] = {
            "figure": json.loads(interactive_figure(here).to_json()),
            "steps": _template("front_steps.html.j2").render(
                steps=steps(here), rows=sorted(here, key=_rank), time=in_time, factor=in_factors,
                interval=interval, survival=survival_words,
            ),
        }  # fmt: skip
    costs = list(dict.fromkeys(cost for by_cost in found.values() for cost in by_cost))
    data = json.dumps(found, sort_keys=True, ensure_ascii=False).replace("</", "<\\/")
    return _template("front.html.j2").render(
        name=name, data=data, errors=list(found), costs={cost: COSTS[cost] for cost in costs}
    )


def plotly_script() -> str:
    """Plotly itself, 5 MB, for a page with `front_fragment`s."""
    return f"<script>{get_plotlyjs()}</script>"


def _template(name: str):
    folder = Path(__file__).parents[1] / "templates"
    return Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    ).get_template(name)  # fmt: skip


def _rank(row: dict) -> tuple:
    """The front first, each part by rising cost; what has no place comes last."""
    cost = row.get("milliseconds")
    return (not row["on_front"], cost is None, cost or 0.0)


def interactive_figure(rows: list[dict]) -> go.Figure:
    """One view; every method is a trace that a click on the legend hides.

    rows: of one error measure and one cost measure
    """
    shown = [r for r in rows if r.get("error") is not None and r.get("milliseconds") is not None]
    figure = go.Figure()
    if not shown:
        return figure.update_layout(title="no method has both an error and a cost")
    floor, (left, right), (bottom, top) = _ranges(shown)
    stairs = [(row["milliseconds"], row["error"] or floor) for row in climb(rows)]
    if stairs:
        figure.add_trace(go.Scatter(
            x=[x for x, _ in stairs], y=[y for _, y in stairs], mode="lines", name="front",
            line={"shape": "hv", "color": INK, "width": 2}, hoverinfo="skip",
        ))  # fmt: skip
    places = _places(shown, stairs, floor, (left, right), (bottom, top))
    for row, place in zip(shown, places, strict=True):
        figure.add_trace(_legend_entry(row))
        figure.add_trace(_trace(row, floor, place))
    first = shown[0]
    marks = [m * 10.0**p for p in range(-4, 5) for m in (1, 2, 5)]
    marks = [y for y in marks if max(floor * 1.4, 10**bottom) < y < 10**top]
    zero = [floor] if any(row["error"] == 0 for row in shown) else []
    times = [10.0**p for p in range(int(np.floor(left)), int(np.ceil(right)) + 1)]
    axis = {"type": "log", "gridcolor": LINE, "linecolor": SOFT, "zeroline": False, "ticks": ""}
    figure.update_layout(
        xaxis=axis | {"range": [left, right], "tickvals": times, "ticktext": [*map(in_time, times)],
                      "title": f"cost on one core: {COSTS[first['cost_measure']]} of one molecule"},
        yaxis=axis | {"range": [bottom, top], "tickvals": zero + marks,
                      "ticktext": ["0"] * len(zero) + [f"{y:g}" for y in marks],
                      "title": f"{first['error_measure']} ({first['unit']})"},
        font={"family": FONT, "size": 13, "color": INK}, paper_bgcolor="white",
        plot_bgcolor="white", height=540, margin={"l": 70, "r": 45, "t": 20, "b": 60},
        modebar={"orientation": "v", "color": "#c3cad2", "activecolor": SOFT},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}, uirevision="front",
        hoverlabel={"bgcolor": "white", "bordercolor": LINE, "align": "left",
                    "font": {"color": INK, "size": 13, "family": FONT}},
        shapes=_shade(shown),
    )  # fmt: skip
    return figure


def _legend_entry(row: dict) -> go.Scatter:
    """A full disc, whatever survives: in a legend it is the colour that counts."""
    symbol = "star" if row["kind"] == "reference" else "circle"
    return go.Scatter(
        x=[None], y=[None], mode="markers", name=row["method"], legendgroup=row["method"],
        marker={"symbol": symbol, "size": 10, "color": KIND_COLOURS[row["kind"]]},
    )  # fmt: skip


def _trace(row: dict, floor: float, place: str) -> go.Scatter:
    """Ring and, inside, the disc whose area is the fraction that survives."""
    x, y, colour = row["milliseconds"], row["error"] or floor, KIND_COLOURS[row["kind"]]
    survival, reference = row.get("survival"), row["kind"] == "reference"
    filled = 0.0 if survival is None else SIZE * float(np.sqrt(survival))
    ends = (row.get("error_low"), row.get("error_high"))
    known = row["error"] > 0 and None not in ends
    empty = "#eef1f4" if survival is None else "white"
    marker = (
        {"symbol": "star", "size": [18, 0], "color": colour}
        if reference
        else {"size": [SIZE, filled], "color": [empty, colour],
              "line": {"color": colour, "width": [2, 0]}}
    )  # fmt: skip
    words = (colour, 14) if row["on_front"] else (SOFT, 12)
    return go.Scatter(
        x=[x, x], y=[y, y], name=row["method"], legendgroup=row["method"], showlegend=False,
        mode="markers+text", text=[label_of(row), ""], textposition=place, cliponaxis=False,
        textfont={"color": words[0], "size": words[1]}, marker=marker | {"opacity": 1},
        error_y={"type": "data", "symmetric": False, "color": colour, "thickness": 1.6, "width": 0,
                 "array": [ends[1] - y, 0], "arrayminus": [y - ends[0], 0]} if known else None,
        customdata=[_hover(row)] * 2, hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _hover(row: dict) -> str:
    """Numbers with their intervals, and who is better."""
    error = "0, by definition" if row["kind"] == "reference" else (
        f"{row['error']:.3g}{interval(row['error_low'], row['error_high'])} {row['unit']}"
    )  # fmt: skip
    lines = [f"<b>{row['method']}</b>  <i>{row['kind']}</i>", f"{row['error_measure']}: {error}"]
    if row.get("molecules"):
        lines.append(molecules_words(row))
    lines.append(f"{COSTS[row['cost_measure']]}: {in_time(row['milliseconds'])}")
    lines.append(survival_words(row))
    better = row["dominated_by"]
    lines.append("<b>on the front</b>" if row["on_front"] else f"dominated by {better}")
    return "<br>".join(lines)


def molecules_words(row: dict) -> str:
    """What the error is of, and how many molecules are left out of it."""
    whose = {COMMON: " that all methods have", OWN: " that it has"}.get(row.get("pooled_over"), "")
    left_out = f", without {row['missing']}" if row.get("missing") else ""
    return f"{row['molecules']} {split_name(row['split'])} molecules{whose}{left_out}"


def interval(low, high) -> str:
    """' [low, high]'; empty where there is none."""
    return "" if low is None or high is None else f" [{low:.3g}, {high:.3g}]"


def survival_words(row: dict) -> str:
    if row["kind"] == "reference":
        return "what stability is measured by"
    if row.get("survival") is None:
        return "stability not tested"
    ends = (row.get("survival_low"), row.get("survival_high"))
    percent = interval(*(None if end is None else 100 * end for end in ends))
    return (
        f"{100 * row['survival']:.3g} %{percent} of {row['trajectories']} trajectories survive "
        f"{row['picoseconds']:g} ps at {row['temperature_kelvin']:g} K"
    )


def _ranges(rows: list[dict]):
    """Where zero is drawn, and the ends of both axes (powers of ten)."""
    floor = zero_place(rows)
    costs = [row["milliseconds"] for row in rows]
    tops = [value for row in rows for value in (row["error"], row.get("error_high")) if value]
    lowest = floor / 1.5 if any(row["error"] == 0 for row in rows) else floor * 1.4
    across = (np.log10(min(costs) / 3.5), np.log10(max(costs) * 6.0))
    return floor, across, (np.log10(lowest), np.log10(max(tops, default=1.0) * 1.8))


def _places(rows, stairs, floor, across, along) -> list[str]:
    """Plotly's word for where each label goes, by the rough sizes of things."""

    def pixels(x, y):
        return np.array(
            [
                PANE[0] * (np.log10(x) - across[0]) / (across[1] - across[0]),
                PANE[1] * (np.log10(y) - along[0]) / (along[1] - along[0]),
            ]
        )

    points = [pixels(row["milliseconds"], row["error"] or floor) for row in rows]
    sizes = [(LETTER[0] * len(label_of(row)), LETTER[1]) for row in rows]
    lines = []
    for (x0, y0), (x1, y1) in pairwise(stairs):
        for ends in ((pixels(x0, y0), pixels(x1, y0)), (pixels(x1, y0), pixels(x1, y1))):
            lines.append(_around(ends))
    for row in rows:
        if row.get("error_low") and row["error_high"]:
            x = row["milliseconds"]
            lines.append(_around((pixels(x, row["error_low"]), pixels(x, row["error_high"]))))
    chosen = label_places(points, sizes, (0.0, 0.0, *PANE), lines, reaches=(12.0,))
    return [POSITIONS[direction] for direction, _ in chosen]


def _around(ends) -> list[float]:
    """Box of a line."""
    return [*(np.min(ends, axis=0) - 2), *(np.max(ends, axis=0) + 2)]


def _shade(rows: list[dict]) -> list[dict]:
    """The design space between mechanics and networks."""
    first = [r["milliseconds"] for r in rows if r["kind"] == "mechanics"]
    last = [r["milliseconds"] for r in rows if "network" in r["kind"]]
    if not first or not last or min(first) >= max(last):
        return []
    return [
        {
            "type": "rect", "xref": "x", "yref": "paper", "x0": min(first), "x1": max(last),
            "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0}, "fillcolor": "#eef3f8",
            "label": {"text": "design space between MM and ML", "textposition": "top center",
                      "font": {"color": SOFT, "size": 12}},
        }
    ]  # fmt: skip
