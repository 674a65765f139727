"""What can go wrong with Woodpecker, as a person is told.

BootstrapError
+-- WoodpeckerError        Woodpecker refused; `status` is the HTTP status
    +-- TokenRefusedError  ... the token: somebody has to log in again
    +-- ForgeRefusedError  ... because Gitea refused it: its login there has run out, or the repository is not there
    +-- RightError         ... because the user may not
    +-- FirstLoginError    ... the login without a browser
"""

from collections.abc import Sequence

from bootstrap.core.errors import BootstrapError


class WoodpeckerError(BootstrapError):
    """Woodpecker did not do what it was asked."""

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.status = status


class TokenRefusedError(WoodpeckerError):
    """Woodpecker does not know the token: it was taken back, or the server has a new database."""


class ForgeRefusedError(WoodpeckerError):
    """Gitea did not let Woodpecker do what it has to do there."""


class RightError(WoodpeckerError):
    """The user of the token lacks a right, in Woodpecker or in Gitea."""


class FirstLoginError(WoodpeckerError):
    """The login that ends with a token did not come to its end."""
