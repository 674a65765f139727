"""How checks end, and how that is told: by `check`, which looks at files, and by `verify`, which looks at a cluster."""
