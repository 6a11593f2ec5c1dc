"""A picture of a pipeline: Mermaid for READMEs, SVG for everything else.

The SVG is laid out in layers (what a stage waits for is to its left), without any library, so that
``graph`` works wherever Python does. Branches, loops and rescues are frames around their stages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from . import hints
from .graph import (
    AttemptNode,
    ChoiceNode,
    Comparison,
    Condition,
    Constant,
    Item,
    LoopNode,
    Node,
    Output,
    Parameter,
    Region,
    Several,
    Source,
    StageNode,
    Truth,
    needs,
)
from .pipelines import Graph

BOX_HEIGHT, GAP_X, GAP_Y, PADDING, HEADER = 34, 46, 14, 14, 22
LETTER = 7.3  # px, of 12 px text in a monospaced face


def mermaid(graph: Graph) -> str:
    """Return a Mermaid flowchart."""
    lines = ["flowchart LR"]
    ids = {node.name: f"n{number}" for number, node in enumerate(graph.body.walk())}
    _mermaid_region(graph.body, ids, lines, "  ")
    for node in graph.body.walk():
        for region in _holding(graph.body, node):
            for name in sorted(needs(node, region)):
                lines.append(f"  {ids[name]} --> {ids[node.name]}")
    return "\n".join(lines) + "\n"


def _mermaid_region(region: Region, ids: dict[str, str], lines: list[str], indent: str) -> None:
    for node in region.nodes:
        if isinstance(node, StageNode):
            lines.append(f'{indent}{ids[node.name]}["{_mermaid_text(node.name)}"]')
            continue
        lines.append(f'{indent}subgraph {ids[node.name]}["{_mermaid_text(title(node))}"]')
        for number, (name, inner) in enumerate(_parts(node)):
            if not inner.nodes:
                continue
            if name:
                lines.append(f'{indent}  subgraph {ids[node.name]}_{number}["{name}"]')
            _mermaid_region(inner, ids, lines, indent + "    ")
            if name:
                lines.append(f"{indent}  end")
        lines.append(f"{indent}end")


def _mermaid_text(text: str) -> str:
    return text.replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def _holding(region: Region, node: Node) -> list[Region]:
    if any(one is node for one in region.nodes):
        return [region]
    found = []
    for one in region.nodes:
        for _, inner in _parts(one):
            found += _holding(inner, node)
    return found


def _parts(node: Node) -> list[tuple[str, Region]]:
    if isinstance(node, ChoiceNode):
        return [("then", node.then), ("otherwise", node.other)]
    if isinstance(node, LoopNode):
        return [("", node.body)]
    if isinstance(node, AttemptNode):
        return [("attempt", node.body), ("rescue", node.rescue)]
    return []


def title(node: Node) -> str:
    """Return what stands above a frame: the condition, or what is looped over."""
    if isinstance(node, ChoiceNode):
        return f"when {written(node.condition)}"
    if isinstance(node, LoopNode):
        return f"for each of {_source(node.items)}"
    return "attempt" if isinstance(node, AttemptNode) else node.name


def written(condition: Condition) -> str:
    """Return a condition as a person would write it."""
    if isinstance(condition, Comparison):
        return f"{_source(condition.left)} {condition.operator} {_source(condition.right)}"
    if isinstance(condition, Truth):
        return _source(condition.source)
    if condition.kind == "not":
        return f"not ({written(condition.parts[0])})"
    word = " and " if condition.kind == "all" else " or "
    return word.join(written(part) for part in condition.parts)


def _source(source: Source) -> str:
    if isinstance(source, Constant):
        text = repr(source.value)
        return text if len(text) <= 30 else f"{text[:27]}…"
    if isinstance(source, Parameter):
        return source.name
    if isinstance(source, Output):
        return f"{source.node}.{source.field}" if source.field else source.node
    if isinstance(source, Item):
        return "item"
    assert isinstance(source, Several)
    return f"{len(source.sources)} results"


@dataclass
class Box:
    """Something drawn: a stage, or a frame with boxes inside. Pixels, from its own corner."""

    name: str
    label: str
    width: float = 0
    height: float = 0
    x: float = 0
    y: float = 0
    hint: str = ""
    inner: list[Box] = field(default_factory=list)
    edges: list[tuple[Box, Box]] = field(default_factory=list)
    frame: bool = False


def svg(graph: Graph) -> str:
    """Return an SVG; light and dark follow the viewer's preference."""
    whole = _lay_region(graph.body, "", graph.name)
    parts: list[str] = []
    _draw(whole, 0, 0, parts, top=True)
    width, height = whole.width, whole.height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-label="The pipeline {escape(graph.name)}">\n'
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" class="h"/></marker></defs>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


STYLE = (
    "text{font:12px ui-monospace,monospace;fill:#1b1f24}.s{fill:#fff;stroke:#57606a}"
    ".f{fill:none;stroke:#8c959f;stroke-dasharray:4 3}.e{fill:none;stroke:#57606a}"
    ".h{fill:#57606a}.l{fill:#57606a}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#161b22;stroke:#8b949e}"
    ".e{stroke:#8b949e}.h{fill:#8b949e}.l{fill:#9da7b1}}"
)


def _lay_region(region: Region, name: str, label: str) -> Box:
    """Return the region as a frame with its boxes in layers."""
    boxes = {node.name: _box(node) for node in region.nodes}
    before = {node.name: needs(node, region) for node in region.nodes}
    layers: list[list[Box]] = []
    layer: dict[str, int] = {}
    for node in region.nodes:
        layer[node.name] = 1 + max((layer[one] for one in before[node.name]), default=-1)
        while len(layers) <= layer[node.name]:
            layers.append([])
        layers[layer[node.name]].append(boxes[node.name])
    for number, column in enumerate(layers[1:], 1):
        column.sort(key=lambda box, number=number: _middle(box, before, boxes, layers[number - 1]))  # type: ignore[misc]
    frame = Box(name, label, frame=True, inner=list(boxes.values()))
    frame.edges = [
        (boxes[one], boxes[node.name]) for node in region.nodes for one in sorted(before[node.name])
    ]
    x, tallest = float(PADDING), 0.0
    for column in layers:
        tallest = max(tallest, sum(box.height + GAP_Y for box in column) - GAP_Y)
    for column in layers:
        wide = max(box.width for box in column)
        total = sum(box.height + GAP_Y for box in column) - GAP_Y
        y = HEADER + (tallest - total) / 2
        for box in column:
            box.x, box.y = x + (wide - box.width) / 2, y
            y += box.height + GAP_Y
        x += wide + GAP_X
    frame.width = max(x - GAP_X + PADDING, len(label) * LETTER + 2 * PADDING)
    frame.height = HEADER + tallest + PADDING
    return frame


def _middle(box: Box, before: dict[str, set[str]], boxes: dict[str, Box], last: list[Box]) -> float:
    """Return where a box's predecessors are on average, to keep edges from crossing."""
    places = [last.index(boxes[one]) for one in before[box.name] if boxes[one] in last]
    return sum(places) / len(places) if places else float(len(last))


def _box(node: Node) -> Box:
    if isinstance(node, StageNode):
        width = len(node.name) * LETTER + 2 * PADDING
        doc = (node.stage.function.__doc__ or "").strip().split("\n")[0]
        hint = f"{node.stage.address} → {hints.says(node.stage.returns)}"
        return Box(node.name, node.name, width, BOX_HEIGHT, hint=f"{hint}\n{doc}".strip())
    parts = [
        _lay_region(region, node.name, label) for label, region in _parts(node) if region.nodes
    ]
    frame = Box(node.name, title(node), frame=True, inner=parts)
    y = float(HEADER)
    for part in parts:
        part.x, part.y = PADDING / 2, y
        y += part.height + GAP_Y / 2
    widest = max([part.width + PADDING for part in parts] + [len(frame.label) * LETTER + 20])
    frame.width, frame.height = widest, y + PADDING / 2
    return frame


def _draw(box: Box, x: float, y: float, parts: list[str], *, top: bool = False) -> None:
    x, y = x + box.x, y + box.y
    if not box.frame:
        parts.append(
            f'<g><title>{escape(box.hint)}</title><rect class="s" x="{x:.0f}" y="{y:.0f}" '
            f'width="{box.width:.0f}" height="{box.height}" rx="6"/>'
            f'<text x="{x + box.width / 2:.0f}" y="{y + 21:.0f}" text-anchor="middle">'
            f"{escape(box.label)}</text></g>"
        )
        return
    if not top:
        parts.append(
            f'<rect class="f" x="{x:.0f}" y="{y:.0f}" width="{box.width:.0f}" '
            f'height="{box.height:.0f}" rx="8"/>'
        )
    if box.label:
        parts.append(f'<text class="l" x="{x + 8:.0f}" y="{y + 15:.0f}">{escape(box.label)}</text>')
    for start, end in box.edges:
        x1, y1 = x + start.x + start.width, y + start.y + start.height / 2
        x2, y2 = x + end.x, y + end.y + end.height / 2
        bend = (x1 + x2) / 2
        parts.append(
            f'<path class="e" marker-end="url(#a)" d="M{x1:.0f} {y1:.0f}C{bend:.0f} {y1:.0f} '
            f'{bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
        )
    for inner in box.inner:
        _draw(inner, x, y, parts)
