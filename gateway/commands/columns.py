"""Tables for a terminal, and how long ago something was."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

GAP = "  "


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lines of columns as wide as their widest cell, each line ended; None is `-`."""
    lines = [list(head), *(["-" if cell is None else str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "".join(f"{GAP.join(cells).rstrip()}\n" for cells in padded)


def age(since: timedelta) -> str:
    """In its two largest units: `3d 4h`, `4h 7m`, `7m 12s`, `12s`."""
    seconds = max(int(since.total_seconds()), 0)
    sizes = ((seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    first = next((place for place, (size, _) in enumerate(sizes) if size), len(sizes) - 1)
    return " ".join(f"{size}{unit}" for size, unit in sizes[first : first + 2])
