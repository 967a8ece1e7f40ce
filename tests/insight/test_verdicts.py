"""A part of the collection of runs whose state is known: how many verdicts are right."""

from benchmarks.verdicts import STATES, count


def test_verdicts_on_known_states_are_right() -> None:
    tallies = count(every=9)
    assert set(tallies) == set(STATES)
    for state, tally in tallies.items():
        assert tally.runs, state
        assert not tally.well, f"{state}: all is well is said {tally.well} times"
    total = sum(tally.said.total() for tally in tallies.values())
    wrong = sum(tally.wrong.total() for tally in tallies.values())
    assert total > 250
    assert wrong <= 0.03 * total, {state: tally.wrong for state, tally in tallies.items()}
