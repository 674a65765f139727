"""One run of all checks: what is read and rendered first, and then looked at."""

from collections.abc import Sequence
from pathlib import Path

from bootstrap.check import facts, tree
from bootstrap.check.charts import Charts
from bootstrap.check.finding import Result
from bootstrap.check.rows import CHECKS
from bootstrap.check.subject import Subject
from bootstrap.platform.load import Loaded
from plugin_kit.errors import PluginError


def check(subject: Subject) -> tuple[Result, ...]:
    """Run every check on what was read."""
    return tuple(Result(check=each, looked=each.look(subject)) for each in CHECKS)


def read(
    *, rendered: Path | None, repository: Path | None, loaded: Loaded | None = None, helm: str = "helm", charts: Sequence[Path] = ()
) -> Subject:
    """Read the folders and render their charts, offline; without a platform.yaml what is right comes from the rendered files."""
    if rendered is None and repository is None:
        raise PluginError(
            "there is nothing to check",
            hint="name the folder that `bootstrap render` has written (--rendered), a repository (--repository), or both",
        )
    platform_tree = tree.read(rendered) if rendered else None
    # The rendered platform may lie in the repository of the application: it is looked at once.
    repository_tree = tree.read(repository, without=[rendered] if rendered else []) if repository else None
    if loaded is not None:
        known = facts.of_platform(loaded.platform)
    else:
        known = facts.of_rendered(platform_tree) if platform_tree else facts.Facts(origin="nothing")
    made = Charts(helm, charts, loaded.file.parent if loaded else None)
    renderings, unrendered = made.render(known, rendered=platform_tree, repository=repository_tree)
    return Subject(facts=known, rendered=platform_tree, repository=repository_tree, renderings=renderings, unrendered=unrendered)
