"""A table that turns into a list of its rows on a narrow screen, and stays a table for who hears it."""

from collections.abc import Iterable, Sequence

from market_gate.page.markup import Child, Markup, element


def table(
    caption: Child,
    headers: Sequence[str],
    rows: Iterable[Sequence[Child]],
    *,
    id_: str | None = None,
    now: int | None = None,
    hidden: bool = False,
    class_: str | None = None,
) -> Markup:
    """Return a table whose first column names the rows; `now` is the row of today, and a hidden caption is for who hears it."""
    # The roles are what a browser forgets where CSS shows a row as a block.
    head = element("tr", [element("th", each, scope="col", role="columnheader") for each in headers], role="row")
    body = [
        element(
            "tr",
            element("th", element("span", row[0]), scope="row", role="rowheader", data_label=headers[0]),
            [
                element("td", element("div", cell), role="cell", data_label=header)
                for header, cell in zip(headers[1:], row[1:], strict=True)
            ],
            role="row",
            aria_current="date" if number == now else None,
        )
        for number, row in enumerate(rows)
    ]
    return element(
        "table",
        element("caption", caption, class_="unseen" if hidden else None),
        element("thead", head, role="rowgroup"),
        element("tbody", body, role="rowgroup"),
        role="table",
        id=id_,
        class_=class_,
    )


def lines(items: Iterable[Child]) -> Markup | None:
    """Return several lines of one cell."""
    found = [element("li", item) for item in items]
    return element("ul", found, class_="lines") if found else None
