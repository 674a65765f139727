"""The CRDs that stand for Kargo's where Kargo's own are not at hand."""

import pytest

from devtools.platform import kargo_crds


@pytest.mark.parametrize("name", kargo_crds.FILES)
def test_ours_agree_with_those_of_kargo(name: str) -> None:
    """In all that a client depends on but the schema: names, scope, versions and subresources."""
    if not kargo_crds.REAL.is_dir():
        pytest.skip(f"Kargo's own CRDs are not in {kargo_crds.REAL}")
    assert kargo_crds.contract(kargo_crds.OURS / name) == kargo_crds.contract(kargo_crds.REAL / name)


def test_there_is_one_for_each_kind_that_a_release_passes_through() -> None:
    """From the Warehouse to the Promotion, and what configures them."""
    kinds = {kargo_crds.contract(kargo_crds.OURS / name)["names"]["kind"] for name in kargo_crds.FILES}
    assert kinds == {"Freight", "Project", "ProjectConfig", "Promotion", "Stage", "Warehouse"}
