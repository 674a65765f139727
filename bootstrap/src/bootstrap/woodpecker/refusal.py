"""The codes with which Woodpecker ends a login (`/login?error=...`), each as a sentence with a remedy."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from bootstrap.woodpecker.errors import FirstLoginError


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a code means and what to do about it."""

    meaning: str
    remedy: str


# server/api/login.go; the last ones are Gitea's own (RFC 6749, 4.1.2.1), which Woodpecker passes on.
KNOWN: Mapping[str, Refusal] = {
    "invalid_state": Refusal(
        meaning="it does not know its own sign of the login (`state`) any more",
        remedy="the login took longer than 5 minutes, or the server was restarted meanwhile, or two servers answer: run the command again",
    ),
    "registration_closed": Refusal(
        meaning="it takes no new users, and {user} is none of its administrators",
        remedy="WOODPECKER_ADMIN must name {user}, as Gitea writes it: `woodpecker.admins` (the platform's user is added by itself); see "
        "that `woodpecker.chart.values` does not set it to something else, then `bootstrap up`",
    ),
    "org_access_denied": Refusal(
        meaning="it is for members of certain organisations only (WOODPECKER_ORGS), and {user} is none",
        remedy="add {user} to one of them in Gitea, or take WOODPECKER_ORGS out of `woodpecker.chart.values`",
    ),
    "oauth_error": Refusal(
        meaning="Gitea did not accept it: the server could not exchange the code of the login for a token",
        remedy="either the server was started with an old OAuth2 client id or secret (`bootstrap up` restarts it with those of record), or "
        "its pod does not reach Gitea at {gitea}, or does not trust its certificate (`ca`); the log of the server pod says which",
    ),
    "internal_error": Refusal(
        meaning="it failed by itself, mostly at its database",
        remedy="the log of the server pod says why; with SQLite on NFS often: database is locked",
    ),
    "access_denied": Refusal(
        meaning="Gitea says that {user} has refused the access",
        remedy="run the command again: it agrees for {user}",
    ),
    "unauthorized_client": Refusal(
        meaning="Gitea does not let this application log in that way",
        remedy="the OAuth2 application must be a confidential client; `bootstrap up` puts it right",
    ),
    "invalid_request": Refusal(
        meaning="Gitea found the request of the login wrong",
        remedy="its redirect address must be exactly {host}/authorize; `bootstrap up` puts the OAuth2 application right",
    ),
    "server_error": Refusal(meaning="Gitea failed by itself", remedy="the log of Gitea says why; then run the command again"),
    "temporarily_unavailable": Refusal(meaning="Gitea is overloaded at this moment", remedy="run the command again in a minute"),
}


def refusal_in(location: str, *, user: str, gitea: str, host: str) -> FirstLoginError | None:
    """Read a redirect of Woodpecker; None where it is not one to an error."""
    query = parse_qs(urlsplit(location).query)
    code = next(iter(query.get("error", ())), "")
    if not code:
        return None
    words = {"user": user, "gitea": gitea, "host": host}
    said = " ".join(next(iter(query.get("error_description", ())), "").split())[:200]
    known = KNOWN.get(code)
    if known is None:
        return FirstLoginError(
            f"Woodpecker refused the login of {user}: error={code[:60]}",
            details=[f"it says: {said}"] if said else [],
            hint="this code is not known here; the log of the server pod says more",
        )
    return FirstLoginError(
        f"Woodpecker refused the login of {user} ({code}): {known.meaning.format(**words)}",
        details=[f"it says: {said}"] if said else [],
        hint=known.remedy.format(**words),
    )
