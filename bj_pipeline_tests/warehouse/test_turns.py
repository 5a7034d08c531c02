"""One builder an issue at a time, in SQLite and in PostgreSQL."""

import threading

import pytest

from bj_pipeline.warehouse.turns import BusyError, turn, turn_if_free


def taken_elsewhere(warehouse, issue: int, **given: float) -> list[str]:
    """What another thread is told that takes a turn; at the end that it has it."""
    told: list[str] = []

    def take() -> None:
        try:
            with turn(warehouse.engine, issue, told.append, **given):
                told.append("taken")
        except BusyError as error:
            told.append(str(error))

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return told


def test_a_turn_may_be_taken_again_by_whoever_has_it(warehouse):
    with turn(warehouse.engine, 65), turn(warehouse.engine, 65):
        assert taken_elsewhere(warehouse, 64) == ["taken"]
    assert taken_elsewhere(warehouse, 65) == ["taken"]


def test_whoever_waits_too_long_is_told_what_to_do(warehouse):
    with turn(warehouse.engine, 65):
        waiting, gave_up = taken_elsewhere(warehouse, 65, patience=0.1)
    assert "being built by another run" in waiting
    assert "Stop that run or wait for its end" in gave_up


def test_whoever_waits_is_told_once_and_then_has_the_turn(warehouse):
    told: list[str] = []
    with turn(warehouse.engine, 65):
        # Let go when the other one has said that it waits.
        waits = threading.Event()

        def take() -> None:
            with turn(warehouse.engine, 65, lambda text: (told.append(text), waits.set())):
                told.append("taken")

        thread = threading.Thread(target=take)
        thread.start()
        assert waits.wait(30)
    thread.join()
    assert told == ["Issue 65 is being built by another run; waiting for its end.", "taken"]


def test_asking_whether_a_turn_is_free_takes_nothing_from_who_has_it(warehouse):
    with turn_if_free(warehouse.engine, 65) as is_free:
        assert is_free
        with turn_if_free(warehouse.engine, 65) as is_still_free:
            assert not is_still_free
        assert len(taken_elsewhere(warehouse, 65, patience=0.1)) == 2


def test_an_error_lets_go_of_the_turn(warehouse):
    with pytest.raises(ValueError, match="broken"), turn(warehouse.engine, 65):
        raise ValueError("broken")
    assert taken_elsewhere(warehouse, 65) == ["taken"]
