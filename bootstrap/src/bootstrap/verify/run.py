"""One run of the rows: at once where one does not need the other."""

import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from bootstrap.core.context import Context
from bootstrap.core.objects import Ref
from bootstrap.results.result import Outcome
from bootstrap.verify.finding import Finding, Looked, Result, Row, trouble
from bootstrap.verify.scene import Scene
from plugin_kit.errors import Cancelled, PluginError
from plugin_kit.scalars import did_you_mean

AT_ONCE = 16
# For rows to take back what they have made when the run is cancelled; less than `terminated` gives the whole clean-up.
_GRACE = 10.0


def chosen(rows: Sequence[Row], names: Sequence[str]) -> tuple[Row, ...]:
    """Return the rows of these names, which may be joined by commas, and those that they need; all of them without names."""
    known = {row.name: row for row in rows}
    asked = [name.strip() for each in names for name in each.split(",") if name.strip()]
    if strangers := [name for name in asked if name not in known]:
        listed = ", ".join(f'"{name}"{did_you_mean(name, known)}' for name in strangers)
        raise PluginError(f"there is no check {listed}", hint=f"the checks are: {', '.join(known)}")
    wanted = set(asked or known)
    while more := {need for name in wanted for need in known[name].needs} - wanted:
        wanted |= more
    return tuple(row for row in rows if row.name in wanted)


def permitted(context: Context) -> None:
    """See that the user may read what the rows are about; raises PluginError for those who only break glass, say."""
    namespace = context.platform.namespace
    if not context.cluster.can("get", Ref(api_version="v1", kind="Secret", name="", namespace=namespace)):
        raise PluginError(
            f"verify logs in with what the platform has recorded, and the user of the kubeconfig may not read Secrets in {namespace}",
            hint="run it as an administrator of the cluster, or name another kubeconfig with --kubeconfig",
        )


def verify(scene: Scene, rows: Sequence[Row], *, done: Callable[[Result], None] = lambda _: None) -> tuple[Result, ...]:
    """Run the rows and return their results in order; `done` is called in that order, too, as soon as it can be.

    A row whose need has failed is not tried. When the run is cancelled, rows that wait are woken, and may take back what they have made.
    """
    results: dict[str, Result] = {}
    told = 0
    pool = ThreadPoolExecutor(max_workers=AT_ONCE)
    running: dict[Future[Result], Row] = {}
    try:
        waiting = list(rows)
        while waiting or running:
            for row in [each for each in waiting if all(need in results for need in _needs(each, rows))]:
                waiting.remove(row)
                running[pool.submit(_run, scene, row, _missing(row, results))] = row
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                results[running.pop(future).name] = future.result()
            while told < len(rows) and rows[told].name in results:
                done(results[rows[told].name])
                told += 1
    except BaseException:
        scene.clock.cancel()
        wait(running, timeout=_GRACE)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return tuple(results[row.name] for row in rows)


def _needs(row: Row, rows: Sequence[Row]) -> set[str]:
    return {each.name for each in rows} & set(row.needs)


def _missing(row: Row, results: dict[str, Result]) -> list[Result]:
    return [results[need] for need in row.needs if need in results and results[need].outcome in {Outcome.FAILED, Outcome.SKIPPED}]


def _run(scene: Scene, row: Row, missing: Sequence[Result]) -> Result:
    begun = time.monotonic()
    if missing:
        # One cause is told once.
        said = ", ".join(f"{each.name} {each.outcome.value}" for each in missing)
        return Result(row=row, looked=Looked(unseen=(f"not tried: {said}",)))
    try:
        looked = row.look(scene)
    except Cancelled:
        raise
    except PluginError as error:
        looked = Looked(findings=(trouble("", error),))
    except Exception as error:  # noqa: BLE001  a fault of this check is no reason not to hear of the others
        looked = Looked(findings=(_fault(error),))
    return Result(row=row, looked=looked, seconds=time.monotonic() - begun)


def _fault(error: Exception) -> Finding:
    last = traceback.extract_tb(error.__traceback__)[-1]
    problem = f"the check itself has failed: {type(error).__name__}: {error} ({last.filename.rpartition('/')[2]}, line {last.lineno})"
    return Finding(
        where="", problem=problem, hint="it says nothing about the platform; this is a bug of bootstrap: report it with this line"
    )
