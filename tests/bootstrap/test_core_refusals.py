"""What a person is told where the API server says no."""

import httpx2
import pytest

from bootstrap.core.objects import Ref
from bootstrap.core.refusals import refusal

SETTINGS = Ref(api_version="v1", kind="ConfigMap", name="settings", namespace="shop")


@pytest.mark.parametrize(("verb", "is_dry_run"), [("patch", True), ("list", False), ("get", False), ("delete", False)])
def test_a_right_that_is_missing_is_that_of_a_plan_only_where_it_is(verb: str, *, is_dry_run: bool) -> None:
    """Who only reads, or deletes, is not told of dry-runs."""
    message = f'configmaps "settings" is forbidden: User "ada" cannot {verb} resource "configmaps" in API group "" in the namespace "shop"'
    error = refusal(httpx2.Response(403, json={"message": message}), verb, SETTINGS)
    assert error.message == f"no permission: the user of the kubeconfig may not {verb} ConfigMap in namespace shop"
    assert ("a plan needs the right to patch" in str(error.hint)) is is_dry_run
    assert "ask a cluster administrator" in str(error.hint)
