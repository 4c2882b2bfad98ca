"""A small chart of lines as SVG, drawn by the page itself: a plotting library would take longer to import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 460, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 34


def chart(lines: Mapping[str, Sequence[float]], across: str, label: str, colours: Sequence[int]) -> str:
    """Lines over 1, 2, 3, …, with a legend; the upright axis begins at 0.

    Args:
        lines: a name and its values, as many for each line.
        across: what is counted from left to right.
        label: what the chart shows, for people who do not see it.
        colours: the number of each line's colour, 0 to 2, so that the same thing has the same one in every chart.
    """
    if not lines:
        return ""
    count = max(len(values) for values in lines.values())
    top = max(max(values) for values in lines.values()) or 1.0
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(index: int, value: float) -> tuple[float, float]:
        return _LEFT + wide * (index / (count - 1) if count > 1 else 0.5), _TOP + high * (1 - value / top)

    parts = []
    for share in (0, 0.5, 1):
        _, y = place(0, share * top)
        parts.append(f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_figure(share * top)}</text>')
    step = max(1, -(-count // 12))
    for index in range(0, count, step):
        x, _ = place(index, 0)
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 18}" text-anchor="middle">{index + 1}</text>')
    parts.append(f'<text x="{_LEFT + wide / 2}" y="{_HEIGHT - 3}" text-anchor="middle">{escape(across)}</text>')
    for number, values in zip(colours, lines.values(), strict=True):
        points = [place(index, value) for index, value in enumerate(values)]
        parts.append(f'<polyline class="line-{number}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
        parts += [f'<circle class="line-{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
    told = "; ".join(f"{name}: {', '.join(_figure(value) for value in values)}" for name, values in lines.items())
    legend = "".join(
        f'<li><span class="swatch line-{number}"></span>{escape(name)}</li>'
        for number, name in zip(colours, lines, strict=True)
    )
    box, told = f"0 0 {_WIDTH} {_HEIGHT}", escape(f"{label}. {told}")
    return (
        f'<div class="chart"><svg viewBox="{box}" role="img" aria-label="{told}">{"".join(parts)}</svg>'
        f"<ul>{legend}</ul></div>"
    )


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == 0 else f"{number:.2g}"
