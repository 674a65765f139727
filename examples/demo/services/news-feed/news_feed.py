"""Scores headlines: how many good words less how many bad ones."""

import service

GOOD = frozenset({"beats", "record", "growth", "wins", "raises"})
BAD = frozenset({"misses", "recall", "lawsuit", "cuts", "falls"})


def score(headline: str) -> int:
    """Return the score of a headline, 0 for a neutral one."""
    words = headline.lower().replace(",", " ").split()
    return sum((word in GOOD) - (word in BAD) for word in words)


def route(query: service.Query) -> object:
    """Answer /score?headline=..."""
    return {"score": score(query["headline"])}


if __name__ == "__main__":
    service.run("news-feed", {"/score": route}, self_test={"/score?headline=Acme+beats,+raises+outlook": {"score": 2}})
