"""What can go wrong with Gitea, and with HTTP to the platform's services, as a person is told.

BootstrapError
+-- WebError               a service did not answer as itself
|   +-- ServerDownError    no answer, or one that says "later"
|   +-- CertificateError   its certificate is not trusted
+-- GiteaError             Gitea refused; `status` is the HTTP status
    +-- LoginError         ... the user or the token
"""

from collections.abc import Sequence

from bootstrap.core.errors import BootstrapError


class WebError(BootstrapError):
    """A service did not answer, or something else answered in its place."""


class ServerDownError(WebError):
    """A service can't be reached, is starting, or its proxy finds it no more; `unsure` tells that the request may have been carried out."""

    def __init__(self, message: str, *, unsure: bool = False, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.unsure = unsure


class CertificateError(WebError):
    """A service's certificate was refused, or it does not speak TLS."""


class GiteaError(BootstrapError):
    """Gitea did not do what it was asked."""

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.status = status


class LoginError(GiteaError):
    """Gitea does not take the login."""
