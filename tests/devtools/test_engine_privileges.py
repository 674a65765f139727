"""What a container with a buildkitd needs, in the words of the docker command and of docker-py."""

import pytest

from devtools import engine
from devtools.engine import Privileges


def test_an_engine_that_allows_it_gets_one_flag() -> None:
    """--privileged brings all the rest."""
    rights = Privileges(privileged=True)
    assert rights.cli_flags == ["--privileged"]
    assert rights.arguments == {"privileged": True}
    assert rights.mounts == []


def test_an_engine_that_refuses_it_gets_the_list() -> None:
    """Capabilities one by one, nothing confined, and the cgroups of the host."""
    flags = Privileges(privileged=False).cli_flags
    assert "--privileged" not in flags
    assert {"--cap-add=SYS_ADMIN", "--cap-add=SYS_PTRACE", "--security-opt=systempaths=unconfined"} <= set(flags)
    assert "--volume=/sys/fs/cgroup:/sys/fs/cgroup" in flags


def test_docker_py_is_told_the_same_as_the_command() -> None:
    """All but systempaths, which docker-py does not know and `container_on` sets itself."""
    rights = Privileges(privileged=False)
    flags = [f"--cap-add={name}" for name in rights.arguments["cap_add"]]
    flags += [f"--security-opt={option}" for option in rights.arguments["security_opt"]]
    assert set(rights.cli_flags) - set(flags) == {"--security-opt=systempaths=unconfined", "--volume=/sys/fs/cgroup:/sys/fs/cgroup"}


@pytest.mark.engine
def test_the_question_leaves_no_container() -> None:
    """A container that could not be started is removed as well."""
    engine.privileges.cache_clear()
    engine.privileges()
    left = engine.connect().containers.list(all=True, filters={"label": f"{engine.INSTANCE_LABEL}=privileges"})
    assert left == []
