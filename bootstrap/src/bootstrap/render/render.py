"""The whole of it: a platform as files, by path. Pure but for the files that platform.yaml names."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from bootstrap.core.component import Component
from bootstrap.platform.platform import Platform
from bootstrap.render import pages, script, text
from bootstrap.render.places import Places
from bootstrap.render.rendering import rendering
from bootstrap.render.survey import survey

SECRETS_IGNORED = "# {header}\n# Secrets are written here, and nowhere else.\n*\n!.gitignore\n"


def render(platform: Platform, components: Sequence[Component], folder: Path, *, output: Path, source: str) -> Mapping[str, str]:
    """Return the text of each file; `folder` is that of platform.yaml, and `source` its name; `output` is where the files will be.

    Secrets are not in it, not even made-up ones: where they belong stands their name, `${NAME}`.
    """
    first, second = (survey(platform, components, folder) for _ in range(2))
    places = Places(first.secrets, second.secrets)
    way = os.path.relpath(folder, output)
    made = rendering(first, second, places, way=way)
    files = {path: text.manifests(documents, source) for path, documents in made.objects.items()}
    files |= {path: text.values(values, source) for path, values in made.values.items()}
    written = "".join(files.values())
    placed = {each.name for each in first.secrets if f"${{{each.name}}}" in written}
    told = {places.named(value) for value in pages.values_for_woodpecker(made)}
    # Those that somebody has to have; most of what bootstrap records is for itself.
    used = [each for each in first.secrets if each.name in placed | told]
    files |= {
        "runmefirst.sh": text.script(script.first(made, platform.context), source),
        "runmelast.sh": text.script(script.last(made, platform.context), source),
        "functions.sh": text.script(script.functions(), source),
        "secrets.sh": text.script(script.secrets(used, placed, places.derived, made.sums), source),
        "secrets/.gitignore": SECRETS_IGNORED.format(header=text.header(source)[0]),
        "README.md": text.page(pages.readme(platform, made, used, places.derived, way=way), source),
        "gitea/README.md": text.page(pages.gitea(platform, first.context), source),
        "woodpecker/README.md": text.page(pages.woodpecker(platform, made, places), source),
    }
    return dict(sorted(files.items()))
