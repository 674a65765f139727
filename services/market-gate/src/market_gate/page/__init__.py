"""The page at `/`: what people look at."""
