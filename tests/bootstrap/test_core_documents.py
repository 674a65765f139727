"""What Helm writes is read as it is applied, also where only a part of it is read."""

import pytest

from bootstrap.core import documents

CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.example.com
spec:
  group: example.com
"""


def config(name: str, text: str) -> str:
    """Write a ConfigMap that ends with a block of text."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  text: {text}"


def texts(written: str) -> dict[str, str]:
    """Return the texts of ConfigMaps by name."""
    return {each["metadata"]["name"]: each["data"]["text"] for each in documents.objects(written)}


def test_the_line_that_ends_a_block_is_a_part_of_it() -> None:
    """Of the last document as of those before it: what is applied would else differ from what is there, for ever."""
    clipped, stripped, kept = "|\n    a\n", "|-\n    a\n", "|+\n    a\n\n"
    written = "---\n".join(config(name, text) for name, text in zip("abcd", (clipped, stripped, kept, kept), strict=True))
    assert texts(written) == {"a": "a\n", "b": "a", "c": "a\n\n", "d": "a\n\n"}


def test_dashes_within_a_text_are_a_part_of_it() -> None:
    """Texts of YAML are indented; and so is what looks like a CRD within one."""
    inner = "|\n    ---\n    kind: CustomResourceDefinition\n    spec:\n      a: 1\n"
    written = f"---\n# Source: a\n{config('a', inner)}---\n{config('b', inner)}"
    expected = "---\nkind: CustomResourceDefinition\nspec:\n  a: 1\n"
    assert [each["data"]["text"] for each in documents.objects(written, heads=True)] == [expected, expected]


@pytest.mark.parametrize("between", ["---\n", "--- # the next one\n", "---   \n", "---\n# nothing\n---\n", "---\r\n"])
def test_all_ways_to_begin_a_document_are_known(between: str) -> None:
    """And the schema of one takes nothing of the next one with it."""
    written = f"{CRD}{between}{config('a', 'b')}\n{between}{CRD}"
    assert [each["kind"] for each in documents.objects(written, heads=True)] == [
        "CustomResourceDefinition",
        "ConfigMap",
        "CustomResourceDefinition",
    ]
    assert [each["kind"] for each in documents.objects(written, only={"ConfigMap"})] == ["ConfigMap"]


def test_lines_may_end_as_on_windows() -> None:
    """Charts are written there, too."""
    written = f"{CRD}---\n{CRD}".replace("\n", "\r\n")
    assert [sorted(each) for each in documents.objects(written, heads=True)] == [["apiVersion", "kind", "metadata"]] * 2


def test_of_definitions_the_metadata_are_enough() -> None:
    """Unless all of it is wanted, or they stand behind the schema."""
    turned = "spec:\n  group: example.com\n" + CRD.partition("spec:")[0]
    (head,) = documents.objects(CRD, heads=True)
    (whole,) = documents.objects(CRD)
    (behind,) = documents.objects(turned, heads=True)
    assert "spec" not in head
    assert whole["spec"] == {"group": "example.com"}
    assert behind == whole


@pytest.mark.parametrize(
    "written",
    [
        '{"apiVersion": "apps/v1", "kind": "Deployment"}',
        '"kind": Deployment\n',
        "kind: 'Deployment'\n",
        "apiVersion: v1\nkind:   Deployment\n",
    ],
)
def test_a_kind_is_known_however_it_is_written(written: str) -> None:
    """JSON is YAML."""
    assert [each["kind"] for each in documents.objects(written, only={"Deployment"})] == ["Deployment"]
    assert documents.objects(written, only={"Job"}) == []


def test_lists_are_taken_apart() -> None:
    """As Helm does; an empty one is nothing."""
    written = "kind: List\nitems:\n- kind: Job\n- kind: Pod\n---\nkind: List\nitems:\n---\n# nothing\n---\njust a text\n"
    assert [each["kind"] for each in documents.objects(written)] == ["Job", "Pod"]
    assert [each["kind"] for each in documents.objects(written, only={"Pod"})] == ["Pod"]


def test_files_one_behind_the_other_are_put_apart() -> None:
    """`helm show crds` writes nothing between them."""
    other = CRD.replace("things", "others")
    found = documents.objects(documents.apart(f"{CRD}{other}---\n{CRD}"))
    assert [each["metadata"]["name"].partition(".")[0] for each in found] == ["things", "others", "things"]


def test_a_file_by_itself_is_left_as_it_is() -> None:
    """Whatever its lines end with: Python knows more such characters than YAML."""
    text = CRD.replace("example.com", "'a\u2028b\x85c\u2029d'").replace("\n", "\r\n")
    assert documents.apart(text) == text
