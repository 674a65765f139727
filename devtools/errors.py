"""The one error that a verb of `./dev` shows to a person."""


class DevError(Exception):
    """Something that the person at the keyboard can put right; `hint` says how."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        """Return the message, with the hint on a line of its own."""
        message = super().__str__()
        return f"{message}\n  hint: {self.hint}" if self.hint else message
