"""The checks, in the order of the report: the second tier of the design's tests, and the third."""

from bootstrap.verify.finding import Row
from bootstrap.verify.rows import (
    arc,
    argo_cd,
    audit,
    break_glass,
    certificates,
    dashboard,
    gitea,
    login,
    market_hours,
    pipeline,
    promotion,
    registry,
    repository,
    sync,
    teardown,
    volumes,
    warehouse,
    woodpecker,
)

LIVE: tuple[Row, ...] = (
    gitea.ROW,
    repository.ROW,
    woodpecker.ROW,
    dashboard.ROW,
    login.ROW,
    argo_cd.ROW,
    sync.ROW,
    warehouse.ROW,
    registry.ROW,
    certificates.ROW,
    volumes.ROW,
    arc.ROW,
    teardown.ROW,
)
GATE: tuple[Row, ...] = (market_hours.BLOCK, market_hours.ALLOW, break_glass.ROW, audit.ROW)
PUSHING: tuple[Row, ...] = (pipeline.ROW, promotion.ROW)
"""Those that push a commit and follow it: last, since nobody should wait for them to read the others."""
ROWS: tuple[Row, ...] = (*LIVE, *GATE, *PUSHING)
AFTER_DOWN: tuple[Row, ...] = (gitea.ROW, repository.ROW, registry.ROW, teardown.AFTER)
"""Those that say something once the platform is taken down."""
