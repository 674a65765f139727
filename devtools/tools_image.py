"""The image of the services and of buildx: Debian's own programs, so that the host needs none of them."""

from devtools import base_images, recipe
from devtools.locks import alone

PACKAGES = ("ca-certificates", "curl", "docker-buildx", "docker-registry", "git", "openssh-server", "openssl", "python3-minimal")
# Debian ships buildx as a plugin of the docker command; it is a program of its own all the same.
SCRIPT = "ln -sf /usr/libexec/docker/cli-plugins/docker-buildx /usr/local/bin/docker-buildx && mkdir -p /run/sshd"


def ensure() -> str:
    """See to it that the engine has the tools image and return its name, which ends in the hash of its recipe."""
    made = recipe.Recipe(base=base_images.ensure_debian(), packages=PACKAGES, script=SCRIPT)
    name = f"local-cicd/tools:{made.digest()}"
    if not recipe.exists(name):
        with alone("tools"):
            if not recipe.exists(name):
                made.make(name)
                recipe.forget_others(name)
    return name
