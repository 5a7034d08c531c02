"""What the numbers of a benchmark rest on."""

from bj_pipeline_tests.benchmarks.measuring import Sample, in_turn


def test_both_sides_are_measured_in_turn_and_each_goes_first_as_often():
    order: list[tuple[str, int]] = []

    def side(name: str, seconds: float):
        def measure(number: int) -> Sample:
            order.append((name, number))
            return Sample(seconds + number, 0.0)

        return measure

    ours, floor = in_turn(4, side("ours", 10), side("floor", 20))
    assert [sample.seconds for sample in ours] == [10, 11, 12, 13]
    assert [sample.seconds for sample in floor] == [20, 21, 22, 23]
    assert [number for _, number in order] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [name for name, _ in order[::2]] == ["ours", "floor", "ours", "floor"]
