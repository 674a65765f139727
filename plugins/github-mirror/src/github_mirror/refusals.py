"""What GitHub, git and ssh say when they refuse, in a sentence and with what to do.

GitHub's numbered lines come from its hooks, those with ERROR: from its ssh service before git begins; the rest is git's and OpenSSH's own.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_Found = Mapping[str, str]
_KEY_PAGE = "repository, Settings, Deploy keys"
# What the groups of a pattern that did not take part stand for.
_UNSAID = {"ref": "the ref", "count": "", "who": "", "why": "", "what": "", "size": "", "hook": "pre-receive"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """A pattern, and sentence and hint with the pattern's groups and `label`; `look` finds more in the text."""

    pattern: str
    sentence: str
    hint: str
    look: Callable[[str], _Found] = lambda _text: {}


def explain(text: str, label: str) -> tuple[str, str] | None:
    """Say what a refusal means and what to do; None where nothing in the text is known. `label` names the mirror."""
    plain = "\n".join(re.sub(r"^remote: ?", "", line).rstrip() for line in text.splitlines())
    for refusal in _REFUSALS:
        match = re.search(refusal.pattern, plain, re.MULTILINE)
        if match:
            groups = {name: value for name, value in match.groupdict().items() if value}
            found = {**_UNSAID, "label": label, "host": label.partition(":")[0], **groups, **refusal.look(plain)}
            return " ".join(refusal.sentence.format_map(found).split()), refusal.hint.format_map(found)
    return None


def _large_files(text: str) -> _Found:
    files = re.findall(r"File (.+?) is ([\d.]+ [KMG]B); this exceeds", text)
    named = ", ".join(f"{name} ({size})" for name, size in files[:3])
    return {"files": f"{named}{', ...' if len(files) > 3 else ''}" if files else "a file"}  # noqa: PLR2004  enough to go on with


def _rules(text: str) -> _Found:
    """Find the rules that GitHub lists under GH006 and GH013, leaving out headings and addresses."""
    listed = re.findall(r"^(?:error: |- +)(?!GH\d|Trace|See |commit:|path:|GITHUB)(\S[^\n]*)$", text, re.MULTILINE)
    rules = [rule.rstrip(".") for rule in dict.fromkeys(listed) if not re.match(r"failed to push|remote ", rule)]
    return {"rules": f": {'; '.join(rules[:3])}" if rules else ""}


def _secrets(text: str) -> _Found:
    kinds = list(dict.fromkeys(re.findall(r"^\s*—— (.+?) —+", text, re.MULTILINE)))
    places = re.findall(r"^\s*path: (\S+)", text, re.MULTILINE)
    allow = re.search(r"https://\S+/unblock-secret/\S+", text)
    return {
        "kinds": f": {', '.join(kinds[:3])}" if kinds else "",
        "places": f" in {', '.join(places[:3])}" if places else "",
        "allow": f" at {allow[0]}" if allow else "",
    }


def _objects(text: str) -> _Found:
    return {"objects": ", ".join(f"{value[:12]}..." for value in re.findall(r"^\s*([0-9a-f]{64})$", text, re.MULTILINE)[:3])}


def _shown(text: str) -> _Found:
    found = re.search(r"fingerprint for the (\w+) key sent by the remote host is\s+(SHA256:\S+?)\.?$", text, re.MULTILINE)
    return {"shown": f"the {found[1]} key {found[2]}" if found else "another host key"}


_REFUSALS = (
    _Refusal(
        pattern=r"GH001: Large files",
        sentence="GitHub takes no file of more than 100 MiB, and the history has {files}",
        hint="keep such files with Git LFS (`git lfs migrate import`), or leave the branch out with `exclude`; deleting the file in a "
        "later commit is not enough",
        look=_large_files,
    ),
    _Refusal(
        pattern=r"GH002:",
        sentence="GitHub takes no branch or tag whose name looks like an object id",
        hint="rename it, or leave it out with `exclude`",
    ),
    _Refusal(
        pattern=r"GH003:|GH006: Protected branch update failed for (?P<ref>\S+?)\.?$",
        sentence="{ref} is protected at GitHub{rules}",
        hint="let the deploy key past the protection (repository, Settings, Branches: allow it to bypass), or take the protection off: "
        "nobody works on a mirror",
        look=_rules,
    ),
    _Refusal(
        pattern=r"GH007:",
        sentence="GitHub does not take commits with an e-mail address that its owner keeps private",
        hint="that person has to allow it at GitHub (Settings, Emails: block command line pushes that expose my email)",
    ),
    _Refusal(
        pattern=r"GH008:.* (?P<count>\d+) unknown Git LFS objects?|GH008:",
        sentence="GitHub lacks {count} Git LFS objects that the commits refer to: {objects}",
        hint="set `lfs: true`, so that they are sent first, and see to it that the source still has them",
        look=_objects,
    ),
    _Refusal(
        pattern=r"GH009:",
        sentence="GitHub could not check the Git LFS objects of this push",
        hint="that is a fault at GitHub; run the pipeline again",
    ),
    _Refusal(
        pattern=r"GITHUB PUSH PROTECTION|Push cannot contain secrets",
        sentence="GitHub found a secret in the commits{kinds}{places}",
        hint="make the secret worthless first (the history keeps it), then allow it at GitHub{allow}, or rewrite the history",
        look=_secrets,
    ),
    _Refusal(
        pattern=r"GH013: Repository rule violations found for (?P<ref>\S+?)\.?$|GH013:|push declined due to repository rule violations",
        sentence="a rule set at GitHub refuses {ref}{rules}",
        hint="let deploy keys bypass the rule set (repository, Settings, Rules, Rulesets), or leave the ref out with `exclude`",
        look=_rules,
    ),
    _Refusal(
        pattern=r"deny updating a hidden ref",
        sentence="the ref is one that GitHub keeps for itself, such as those of pull requests",
        hint="mirror branches and tags only: `refs: ['heads/*', 'tags/*']`",
    ),
    _Refusal(
        pattern=r"marked as read only|denied to deploy key",
        sentence="the deploy key may only read {label}",
        hint=f"delete it there ({_KEY_PAGE}) and add it again with `Allow write access`: it can't be changed later",
    ),
    _Refusal(
        pattern=r"archived so it is read-only|archived .*read-only",
        sentence="{label} is archived at GitHub and takes nothing any more",
        hint="unarchive it (repository, Settings, Danger Zone), or take the mirror step out",
    ),
    _Refusal(
        pattern=r"Permission to \S+ denied to (?P<who>[^\s.]+)",
        sentence="the key is that of {who}, who may not write to {label}",
        hint=f"the key was added to another repository or account: a deploy key belongs to one repository ({_KEY_PAGE})",
    ),
    _Refusal(
        pattern=r"(?:enabled or enforced SAML SSO|IP allow list enabled)",
        sentence="the organisation at GitHub lets this key in only after single sign-on, or only from certain addresses",
        hint="use a deploy key of the repository, which needs no single sign-on, and add the address of the runners to the allow list",
    ),
    _Refusal(
        pattern=r"^(?:ERROR: )?(?:Repository not found|Not Found)\b|repository '[^']*' not found",
        sentence="{label} does not exist, or this key has no part in it: GitHub does not say which",
        hint=f"check `remote`, create the repository (empty), and add the public key there ({_KEY_PAGE}) with write access",
    ),
    _Refusal(
        pattern=r"repository is (?:currently )?disabled|[Aa]ccess to this repository has been disabled|Repository access blocked",
        sentence="{label} is disabled at GitHub",
        hint="its owner has to settle that with GitHub",
    ),
    _Refusal(
        pattern=r"Write access to repository not granted|not allowed to push|You are not allowed",
        sentence="this key may not write to {label}",
        hint=f"give it write access ({_KEY_PAGE})",
    ),
    _Refusal(
        pattern=r"does not appear to be a git repository|not a git repository",
        sentence="there is no repository at {label}",
        hint="check the path in `remote`, and create the repository (empty)",
    ),
    _Refusal(
        pattern=r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed",
        sentence="{host} showed {shown}, which is not the known one: somebody may be in between, or it was changed; nothing was sent",
        hint="compare the fingerprint with the one that GitHub publishes, or that whoever runs the host gives you; only if it is the "
        "same, put the new key into `known_hosts`",
        look=_shown,
    ),
    _Refusal(
        pattern=r"No (?P<kind>\S+) host key is known|Host key verification failed",
        sentence="{host} showed a host key{kind_words} that is not known, so nothing was sent",
        hint="put the line `host kind key` into `known_hosts`, after comparing its fingerprint with what whoever runs the host says",
        look=lambda text: {"kind_words": "".join(f" of the kind {kind}" for kind in re.findall(r"No (\S+) host key is known", text)[:1])},
    ),
    _Refusal(
        pattern=r"Host key .* revoked|REVOKED HOST KEY",
        sentence="{host} showed a host key that is revoked in `known_hosts`; nothing was sent",
        hint="ask whoever runs the host for its key",
    ),
    _Refusal(
        pattern=r"RSA key with SHA-1|no mutual signature",
        sentence="{host} does not take the signature of this RSA key",
        hint="make a new deploy key: `ssh-keygen -t ed25519 -N '' -f deploy_key`",
    ),
    _Refusal(
        pattern=r"Permission denied \((?:publickey|[\w,-]*publickey[\w,-]*)\)|Too many authentication failures",
        sentence="{host} does not know the key in `ssh_key`",
        hint=f"add its public key there ({_KEY_PAGE}, with write access); the fingerprint is at the top of this log",
    ),
    _Refusal(
        pattern=r"Load key .*: (?P<why>.+)$",
        sentence="ssh can't use the key in `ssh_key` ({why})",
        hint="make a new deploy key: `ssh-keygen -t ed25519 -N '' -f deploy_key`",
    ),
    _Refusal(
        pattern=r"No user exists for uid (?P<uid>\d+)",
        sentence="ssh does not start under a user id without a name ({uid})",
        hint="run the step as root, or as another user that /etc/passwd of the image knows",
    ),
    _Refusal(
        pattern=r"Unable to negotiate .*: (?P<why>.+)$|no matching (?P<what>[\w -]+) found",
        sentence="{host} and ssh have no method in common ({why}{what})",
        hint="the server's ssh is too old, or not meant for git",
    ),
    _Refusal(
        pattern=r"timed out during banner exchange|banner exchange: .*(?:timed out|invalid format)|banner line contains invalid",
        sentence="{host} took the connection, but did not answer as an ssh server",
        hint="check host and port in `remote`; a proxy or firewall may be in between. GitHub also listens at "
        "ssh://git@ssh.github.com:443/owner/repository.git",
    ),
    _Refusal(
        pattern=r"Could not resolve hostname (?P<name>[^\s:]+)|Name or service not known|Temporary failure in name resolution",
        sentence="the name {host} does not resolve",
        hint="check `remote` and the DNS of this step; when all is well there, run the pipeline again",
    ),
    _Refusal(
        pattern=r"connect to host \S+ port (?P<port>\d+): (?P<why>[^\n\r]+)",
        sentence="{host} can't be reached at port {port} ({why})",
        hint="check `remote` and whether the runners may go out by ssh; GitHub also listens at ssh://git@ssh.github.com:443/owner/repository.git",
    ),
    _Refusal(
        pattern=r"pack exceeds maximum allowed size(?: \((?P<size>[^)]+)\))?|Object too large",
        sentence="the push was bigger than {host} takes at once {size}",
        hint="set a smaller `max_push_size`: a push beyond it goes in pieces",
    ),
    _Refusal(
        pattern=r"deletion of the current branch prohibited|refusing to delete the current branch",
        sentence="the default branch can't be deleted at the mirror",
        hint="choose another default branch there first (repository, Settings, General)",
    ),
    _Refusal(
        pattern=r"shallow update not allowed",
        sentence="the history that was sent is cut off",
        hint="set `source: forge`, or clone completely",
    ),
    _Refusal(
        pattern=r"No space left on device|unpacker error|unpack failed",
        sentence="{host} could not store the push",
        hint="that is a fault of the server; run the pipeline again, and tell whoever runs it",
    ),
    _Refusal(
        pattern=r"protocol error: bad line length|bad line length character",
        sentence="{host} does not answer like git: its login prints something",
        hint="use an account of the server that is made for git",
    ),
    _Refusal(
        pattern=r"Timeout, server \S+ not responding|server not responding",
        sentence="{host} fell silent for a minute in the middle of the connection",
        hint="run the pipeline again; what was complete is kept",
    ),
    _Refusal(
        pattern=r"hung up unexpectedly|Connection (?:reset|closed)|[Bb]roken pipe|unexpected disconnect|early EOF|closed by remote host",
        sentence="{host} broke off the connection",
        hint="run the pipeline again; the state of GitHub is at https://www.githubstatus.com",
    ),
    _Refusal(
        pattern=r"Internal Server Error|Service Unavailable",
        sentence="{host} has a fault of its own at the moment",
        hint="run the pipeline again; the state of GitHub is at https://www.githubstatus.com",
    ),
    _Refusal(
        pattern=r"(?P<hook>pre-receive|update|protected branch) hook declined|hook declined",
        sentence="a rule of {host} refused it ({hook} hook)",
        hint="the lines of the other side, above, say why",
    ),
)
