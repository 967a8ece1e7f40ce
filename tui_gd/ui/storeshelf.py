"""The shelf of the interface: kept runs out of the run store of this machine."""

from pathlib import Path
from typing import TYPE_CHECKING

from tui_gd.learning.buckets import curve_of
from tui_gd.learning.standing import LaneRecord, Standing
from tui_gd.runs.store import Store
from tui_gd.ui.shelf import KeptDetail, KeptLane, KeptRun, Reopened

if TYPE_CHECKING:
    from tui_gd.runs.exported import Exported

# a curve is drawn from so many buckets at most: more than any screen has dots
MOST_BUCKETS = 2048


class StoreShelf:
    """Opens the store for every question: other programs write to it meanwhile."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def runs(self) -> list[KeptRun]:
        """Return all kept runs, those first that changed last."""
        with Store(self._path) as store:
            return [
                KeptRun(
                    run.id,
                    run.changed,
                    run.problem,
                    run.lanes,
                    run.newest,
                    run.best,
                    run.state,
                    str(run.driver) if run.driver else "",
                )
                for run in store.runs()
            ]

    def read(self, run: str) -> KeptDetail:
        """Return settings and curves of one run."""
        with Store(self._path) as store:
            kept = store.find(run)
            standing = store.standing(kept)
        lanes = tuple(_lane(lane, standing) for lane in standing.lanes)
        return KeptDetail(kept.settings, lanes)

    def delete(self, run: str) -> None:
        """Delete one run for good."""
        with Store(self._path) as store:
            store.delete(store.find(run).id)

    def reopen(self, run: str) -> Reopened:
        """Return one run as it was left; from then on it is driven here."""
        from tui_gd.runs.resume import resume

        with Store(self._path) as store:
            resumed = resume(store, run, bounded=True)
        return Reopened(
            resumed.id,
            resumed.settings,
            resumed.problem,
            resumed.trainer,
            resumed.seed,
            resumed.goal,
            resumed.note,
            lambda tell: resumed.recorder(tell=tell),
        )

    def exported(self, run: str) -> "Exported":
        """Return one run as exports take it."""
        from tui_gd.runs.exported import Exported
        from tui_gd.runs.resume import open_to_export

        with Store(self._path) as store:
            opened = open_to_export(store, store.find(run))
        return Exported(opened.settings, opened.problem, opened.standing, gone=opened.gone)


def _lane(lane: LaneRecord, standing: Standing) -> KeptLane:
    train, test = (standing.series[name][lane.number] for name in ("train", "test"))
    _, optimizer, loss = lane.methods[-1]
    return KeptLane(
        lane.name,
        lane.rates[-1][1],
        optimizer,
        loss,
        lane.recorded,
        curve_of(train, MOST_BUCKETS),
        curve_of(test, MOST_BUCKETS),
        train.at(train.stop - 1),
        test.at(test.stop - 1),
    )
