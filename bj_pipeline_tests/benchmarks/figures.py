"""What is measured, against what, and what must come of it.

What belongs here: the list, and how a figure is told. What does not: measuring.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bj_pipeline_tests.benchmarks.measuring import Sample, ratio

QUICK_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Bench:
    """What a measurement gets.

    Attributes:
        folder: Of its own, empty.
        quick: Fewer rounds and shorter histories: to see that everything works.
    """

    folder: Path
    quick: bool

    def rounds(self, full: int) -> int:
        """How often both sides are measured."""
        return min(full, QUICK_ROUNDS) if self.quick else full


@dataclass(frozen=True, slots=True)
class Outcome:
    """Both sides of a figure, measurement by measurement, in turn.

    Attributes:
        ours: What the pipeline takes.
        floor: What it is compared with.
        unit: ``s``, or ``MB`` for a peak of memory.
        part: Which part of the figure, where it has several.
        note: What a reader must know of this measurement.
    """

    ours: Sequence[Sample]
    floor: Sequence[Sample]
    unit: str = "s"
    part: str = ""
    note: str = ""

    def values(self, side: Sequence[Sample]) -> list[float]:
        """One side in the outcome's unit."""
        return [one.peak / 1e6 if self.unit == "MB" else one.seconds for one in side]

    @property
    def ratio(self) -> float:
        """Ours ÷ floor."""
        return ratio(self.values(self.ours), self.values(self.floor))

    @property
    def cpu_ratio(self) -> float:
        """The same by user and system time, which other programs disturb less."""
        if not all(one.cpu for one in (*self.ours, *self.floor)):
            return math.nan
        return ratio([one.cpu for one in self.ours], [one.cpu for one in self.floor])

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest ratio of a round."""
        ratios = [
            mine / theirs
            for mine, theirs in zip(self.values(self.ours), self.values(self.floor), strict=True)
        ]
        return min(ratios), max(ratios)


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound of a ratio.

    Attributes:
        bound: Of ours ÷ floor; of floor ÷ ours where ``faster``.
        faster: Whether it says how many times as fast ours must be.
    """

    bound: float
    faster: bool = False

    def value(self, ratio_: float) -> float:
        """The ratio as the goal looks at it."""
        return 1 / ratio_ if self.faster else ratio_

    def is_met(self, ratio_: float) -> bool:
        """Whether a ratio of ours ÷ floor keeps within the bound."""
        return self.value(ratio_) >= self.bound if self.faster else ratio_ <= self.bound

    def text(self) -> str:
        """Such as ``≤ 1.25 ×``."""
        return f"≥ {self.bound:g} × faster" if self.faster else f"≤ {self.bound:g} ×"


Measure = Callable[[Bench], Sequence[Outcome]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the table.

    Attributes:
        name: On the command line.
        title: What is measured.
        floor: What it is compared with.
        goal: What must come of it.
        measure: Measures it.
    """

    name: str
    title: str
    floor: str
    goal: Goal
    measure: Measure


@dataclass(frozen=True, slots=True)
class Line:
    """A figure, or a part of one, as a line of the table."""

    figure: Figure
    outcome: Outcome

    @property
    def is_met(self) -> bool:
        """Whether the goal is met."""
        return self.figure.goal.is_met(self.outcome.ratio)

    def cells(self) -> tuple[str, ...]:
        """Texts of the columns :data:`COLUMNS`."""
        figure, outcome = self.figure, self.outcome
        low, high = sorted(map(figure.goal.value, outcome.spread))
        mine, theirs = (median(outcome.values(side)) for side in (outcome.ours, outcome.floor))
        cpu = outcome.cpu_ratio
        return (
            f"{figure.title}{f': {outcome.part}' if outcome.part else ''}",
            figure.floor,
            f"{_digits(mine)} {outcome.unit}",
            f"{_digits(theirs)} {outcome.unit}",
            str(len(outcome.ours)),
            f"{_digits(figure.goal.value(outcome.ratio))} ({_digits(low)}–{_digits(high)})",
            "" if math.isnan(cpu) or outcome.unit != "s" else _digits(figure.goal.value(cpu)),
            figure.goal.text(),
            "met" if self.is_met else "not met",
        )


COLUMNS = (
    "figure",
    "floor",
    "ours",
    "floor's",
    "rounds",
    "ratio (of rounds)",
    "by CPU time",
    "goal",
    "",
)


def _digits(value: float) -> str:
    """Three significant digits or two decimals, whichever says less."""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"
