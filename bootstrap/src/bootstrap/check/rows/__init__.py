"""The checks, in the order of the report: the first tier of the design's tests."""

from bootstrap.check.finding import Check
from bootstrap.check.rows import (
    ghcr_remnants,
    helm_rendering,
    image_registry,
    manifest_syntax,
    namespace_isolation,
    nfs_paths,
    pipeline_file,
    repository_urls,
    warehouse_url,
)

CHECKS: tuple[Check, ...] = (
    manifest_syntax.CHECK,
    helm_rendering.CHECK,
    pipeline_file.CHECK,
    namespace_isolation.CHECK,
    nfs_paths.CHECK,
    image_registry.CHECK,
    ghcr_remnants.CHECK,
    repository_urls.CHECK,
    warehouse_url.CHECK,
)
