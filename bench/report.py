"""The table: what was measured at both scales, how they compare, and the goals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

MOST_SLOWER = 1.2


@dataclass(frozen=True, slots=True)
class _Row:
    what: str
    cells: Sequence[str]
    slower: str = ""
    goal: str = ""
    met: bool | None = None


class Report:
    """Rows of the table, in the order in which they were measured; each is told at once."""

    def __init__(self, scales: tuple[int, int], of: str, tell: Callable[[str], None]) -> None:
        self._scales = scales
        self._of = of
        self._tell = tell
        self._rows: list[_Row] = []

    def rates(
        self,
        what: str,
        rates: Sequence[float],
        p95s: Sequence[float] = (),
        *,
        scales: bool = False,
        least: float = 0,
        slower: float = 0,
    ) -> None:
        """How many a second; with `scales`, the goal that the large scale is hardly slower: as
        `slower` says, or else the rates."""
        cells = [f"{rate:,.0f}/s" for rate in rates]
        if p95s:
            pairs = zip(cells, p95s, strict=True)
            cells = [f"{cell}  (p95 {p95:.0f} ms)" for cell, p95 in pairs]
        met = all(rate >= least for rate in rates) if least else None
        goal = f"≥ {least:,.0f}/s" if least else ""
        self._add(what, cells, slower or rates[0] / rates[-1], goal, met, scales=scales)

    def times(
        self, what: str, medians: Sequence[float], p95s: Sequence[float], *, most: float
    ) -> None:
        """Medians in milliseconds."""
        pairs = zip(medians, p95s, strict=True)
        cells = [f"{middle:.1f} ms  (p95 {p95:.0f} ms)" for middle, p95 in pairs]
        met = all(middle < most for middle in medians)
        self._add(what, cells, medians[-1] / medians[0], f"< {most:.0f} ms", met, scales=True)

    def shares(self, what: str, shares: Sequence[float], least: float) -> None:
        met = all(share >= least for share in shares)
        self._keep(_Row(what, [f"{s:.2f}" for s in shares], "", f"≥ {least}", met))

    def counts(self, what: str, counts: Sequence[int], most: int) -> None:
        met = all(count <= most for count in counts)
        goal = f"≤ {most}" if most else "none"
        self._keep(_Row(what, [f"{count:,}" for count in counts], "", goal, met))

    def _add(
        self,
        what: str,
        cells: Sequence[str],
        slower: float,
        goal: str,
        met: bool | None,
        *,
        scales: bool,
    ) -> None:
        if scales:
            goal = f"{goal}, ≤ {MOST_SLOWER} times".removeprefix(", ")
            met = slower <= MOST_SLOWER and met is not False
        self._keep(_Row(what, cells, f"{slower:.2f}", goal, met))

    def _keep(self, row: _Row) -> None:
        self._rows.append(row)
        self._tell(f"{row.what.strip()}: {' | '.join(row.cells)}")

    def show(self, cores: int) -> None:
        """Print the table to standard output."""
        table = Table(title=f"Careloop on {cores} cores, the client on the same ones")
        table.add_column("")
        for scale in self._scales:
            table.add_column(f"{scale:,} {self._of}", justify="right")
        table.add_column("times slower", justify="right")
        table.add_column("goal")
        table.add_column("met")
        for row in self._rows:
            met = {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[row.met]
            table.add_row(row.what, *row.cells, row.slower, row.goal, met)
        Console(width=max(Console().width, 120)).print(table)
