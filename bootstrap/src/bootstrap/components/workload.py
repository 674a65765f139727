"""Whether what runs a service is there to be asked."""

from bootstrap.core import readiness
from bootstrap.core.change import State
from bootstrap.core.context import Context
from bootstrap.core.objects import Ref


def is_up(context: Context, ref: Ref) -> bool:
    """Tell whether the pods of a workload are ready: where they are not, nobody need be asked over HTTP, nor waited for."""
    live = context.cluster.get(ref)
    return live is not None and readiness.of(live).state is State.READY
