"""dbt's own tests, in the one place where everybody's tests are run."""

from __future__ import annotations

from orchestration import warehouse
from orchestration.workspace import Workspace
from tests.models.conftest import failures, run_dbt


def test_the_models_pass_their_unit_tests_and_build_from_nothing(new_workspace: Workspace) -> None:
    """A rule about money would be broken (the unit tests beside the models), or a first run on an empty workspace would fail."""
    with warehouse.connect(new_workspace) as connection:
        warehouse.create_raw(connection)
    results = run_dbt(new_workspace, "build")
    assert not failures(results), "\n".join(failures(results))
    assert any(result["unique_id"].startswith("unit_test.tikteller.calls.") for result in results)
