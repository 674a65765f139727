"""What GitHub's hooks, its ssh service, git and OpenSSH print, word for word as people have met it."""

import pytest

from github_mirror import refusals

LABEL = "github.com:acme/shop"
TO = "To github.com:acme/shop.git\n"

GH001 = f"""remote: error: Trace: 9c77330e6d3d88c5a175b28037a733bb        
remote: error: See https://gh.io/lfs for more information.        
remote: error: File assets/film.mov is 155.52 MB; this exceeds GitHub's file size limit of 100.00 MB        
remote: error: File assets/big file.bin is 1.24 GB; this exceeds GitHub's file size limit of 100.00 MB        
remote: error: GH001: Large files detected. You may want to try Git Large File Storage - https://git-lfs.github.com.        
{TO} ! [remote rejected] main -> main (pre-receive hook declined)
error: failed to push some refs to 'github.com:acme/shop.git'
"""  # noqa: W291  GitHub ends its lines with blanks

GH006 = f"""remote: error: GH006: Protected branch update failed for refs/heads/main.        
remote: error: Required status check "build" is expected. At least 1 approving review is required by reviewers with write access.        
{TO} ! [remote rejected] main -> main (protected branch hook declined)
error: failed to push some refs to 'github.com:acme/shop.git'
"""  # noqa: W291  see GH001

GH006_FORCE = f"""remote: error: GH006: Protected branch update failed for refs/heads/main.
remote: error: Cannot force-push to this branch
{TO} ! [remote rejected] main -> main (protected branch hook declined)
"""

GH008 = f"""remote: error: GH008: Your push referenced at least 3 unknown Git LFS objects:
remote:     b4a649cf9cca62edf0f4f6e4acf76981fb9b27399b4d598b22b189c92424f4ea
remote:     a272fc4c4a508fd936c130a727728da6c773de710a5ae600d06fac06329e0f6d
remote:     c1f90048923bdaa4e2eeb6ab70f3cc059dc706d43e7208f336102702fc231b81
remote: Try to push them with 'git lfs push --all'.
{TO} ! [remote rejected] main -> main (pre-receive hook declined)
"""

GH013_RULES = f"""remote: error: GH013: Repository rule violations found for refs/heads/main.        
remote: Review all repository rules at https://github.com/acme/shop/rules?ref=refs%2Fheads%2Fmain        
remote: 
remote: - Changes must be made through a pull request.        
remote: 
remote: - Commits must have verified signatures.        
remote:   Found 1 violation:        
remote: 
remote:   b6ba2be62ff7d6c34065648997f6f53b44ab2092        
remote: 
{TO} ! [remote rejected] main -> main (push declined due to repository rule violations)
"""  # noqa: W291  see GH001

GH013_SECRET = f"""remote: error: GH013: Repository rule violations found for refs/heads/main.
remote:
remote: - GITHUB PUSH PROTECTION
remote:   —————————————————————————————————————————
remote:     Resolve the following violations before pushing again
remote:
remote:     - Push cannot contain secrets
remote:
remote:
remote:      (?) Learn how to resolve a blocked push
remote:      https://docs.github.com/code-security/secret-scanning/pushing-a-branch-blocked-by-push-protection
remote:
remote:
remote:       —— GitHub Personal Access Token ——————————————————————
remote:        locations:
remote:          - commit: 5477a7dd26384ed3c8b3814ee677f755ad27a597
remote:            path: src/api/github.ts:34
remote:
remote:        (?) To push, remove secret from commit(s) or follow this URL to allow the secret.
remote:        https://github.com/acme/shop/security/secret-scanning/unblock-secret/2gakJrAududURpxlhIZdNlX14ZZ
remote:
{TO} ! [remote rejected] main -> main (push declined due to repository rule violations)
"""

CLOSED = """fatal: Could not read from remote repository.

Please make sure you have the correct access rights
and the repository exists.
"""

CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
SHA256:uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s.
Please contact your system administrator.
Add correct host key in /tmp/mirror-x/known_hosts to get rid of this message.
Host key for github.com has changed and you have requested strict checking.
Host key verification failed.
"""

TABLE = [
    ("GH001", GH001, "the history has assets/film.mov (155.52 MB), assets/big file.bin (1.24 GB)", "Git LFS"),
    (
        "GH002",
        "remote: error: GH002: Sorry, branch or tag names consisting of 40 hex characters are not allowed.",
        "looks like an object id",
        "rename",
    ),
    ("GH003", "remote: error: GH003: Sorry, force-pushing to main is not allowed.", "the ref is protected at GitHub", "bypass"),
    ("GH006", GH006, 'refs/heads/main is protected at GitHub: Required status check "build" is expected', "Branches"),
    ("GH006, force", GH006_FORCE, "refs/heads/main is protected at GitHub: Cannot force-push to this branch", "Branches"),
    ("GH007", "remote: error: GH007: Your push would publish a private email address.", "keeps private", "Settings, Emails"),
    ("GH008", GH008, "GitHub lacks 3 Git LFS objects that the commits refer to: b4a649cf9cca..., a272fc4c4a50...", "`lfs: true`"),
    (
        "GH009",
        "remote: error: GH009: Git LFS object integrity could not be checked.",
        "could not check the Git LFS",
        "run the pipeline again",
    ),
    ("GH013, rules", GH013_RULES, "refuses refs/heads/main: Changes must be made through a pull request; Commits must have", "Rulesets"),
    ("GH013, secret", GH013_SECRET, "a secret in the commits: GitHub Personal Access Token in src/api/github.ts:34", "unblock-secret/2gak"),
    (
        "only the reason",
        " ! [remote rejected] main -> main (push declined due to repository rule violations)",
        "a rule set at GitHub refuses the ref",
        "Rulesets",
    ),
    ("hidden ref", " ! [remote rejected] refs/pull/1/head -> refs/pull/1/head (deny updating a hidden ref)", "keeps for itself", "heads/*"),
    (
        "read-only key",
        f"ERROR: The key you are authenticating with has been marked as read only.\n{CLOSED}",
        "may only read",
        "Allow write access",
    ),
    ("read-only key, other words", "ERROR: Permission to acme/shop.git denied to deploy key", "may only read", "Allow write access"),
    (
        "another's key",
        f"ERROR: Permission to acme/shop.git denied to ada.\n{CLOSED}",
        "is that of ada, who may not write",
        "one repository",
    ),
    ("archived", f"ERROR: This repository was archived so it is read-only.\n{CLOSED}", "is archived at GitHub", "unarchive"),
    ("missing", f"ERROR: Repository not found.\n{CLOSED}", "does not exist, or this key has no part in it", "create the repository"),
    ("disabled", "ERROR: Access to this repository has been disabled by GitHub staff.", "is disabled at GitHub", "owner"),
    ("single sign-on", "ERROR: The 'acme' organization has enabled or enforced SAML SSO.", "single sign-on", "deploy key"),
    ("no key", f"git@github.com: Permission denied (publickey).\n{CLOSED}", "does not know the key in `ssh_key`", "Deploy keys"),
    (
        "no key, other methods",
        "git@git.lan: Permission denied (publickey,password,keyboard-interactive).",
        "does not know the key",
        "Deploy keys",
    ),
    (
        "too many keys",
        "Received disconnect from 10.0.0.7 port 22:2: Too many authentication failures",
        "does not know the key",
        "public key",
    ),
    ("SHA-1", "ERROR: You're using an RSA key with SHA-1, which is no longer allowed.", "signature of this RSA key", "ed25519"),
    ("no repository", "fatal: '/srv/shop.git' does not appear to be a git repository", "there is no repository at", "create"),
    (
        "changed host key",
        CHANGED,
        "showed the ED25519 key SHA256:uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s, which is not the known one",
        "`known_hosts`",
    ),
    (
        "unknown host key",
        "No ED25519 host key is known for git.lan and you have requested strict checking.\nHost key verification failed.",
        "a host key of the kind ED25519 that is not known",
        "`known_hosts`",
    ),
    (
        "refused",
        f"ssh: connect to host github.com port 22: Connection refused\n{CLOSED}",
        "at port 22 (Connection refused)",
        "ssh.github.com:443",
    ),
    (
        "timed out",
        f"ssh: connect to host github.com port 22: Connection timed out\n{CLOSED}",
        "at port 22 (Connection timed out)",
        "ssh.github.com",
    ),
    ("unreachable", "ssh: connect to host github.com port 22: Network is unreachable", "(Network is unreachable)", "ssh.github.com"),
    (
        "unknown name",
        "ssh: Could not resolve hostname github.com: Name or service not known",
        "the name github.com does not resolve",
        "DNS",
    ),
    ("silent banner", f"Connection timed out during banner exchange\n{CLOSED}", "did not answer as an ssh server", "port"),
    (
        "silent banner, newer ssh",
        "Connection to 10.0.0.7 port 22 timed out during banner exchange",
        "did not answer as an ssh server",
        "port",
    ),
    ("not ssh", "kex_exchange_identification: banner line contains invalid characters", "did not answer as an ssh server", "port"),
    (
        "closed early",
        f"kex_exchange_identification: Connection closed by remote host\n{CLOSED}",
        "broke off the connection",
        "githubstatus",
    ),
    ("fell silent", f"Timeout, server github.com not responding.\n{CLOSED}", "fell silent", "run the pipeline again"),
    (
        "broke off",
        "client_loop: send disconnect: Broken pipe\nfatal: the remote end hung up unexpectedly",
        "broke off",
        "run the pipeline again",
    ),
    (
        "too big",
        "remote: fatal: pack exceeds maximum allowed size (2.00 GiB)\nerror: remote unpack failed: index-pack abnormal exit",
        "was bigger than github.com takes at once 2.00 GiB",
        "`max_push_size`",
    ),
    ("too big, older git", "remote: fatal: pack exceeds maximum allowed size", "was bigger than", "`max_push_size`"),
    (
        "default branch",
        " ! [remote rejected] main (deletion of the current branch prohibited)",
        "default branch can't be deleted",
        "Settings",
    ),
    (
        "default branch, GitHub",
        " ! [remote rejected] main (refusing to delete the current branch: refs/heads/main)",
        "can't be deleted",
        "Settings",
    ),
    ("shallow", " ! [remote rejected] main -> main (shallow update not allowed)", "is cut off", "`source: forge`"),
    ("full disk", "remote: fatal: write error: No space left on device", "could not store the push", "whoever runs it"),
    ("login prints", "fatal: protocol error: bad line length character: Welc", "does not answer like git", "made for git"),
    ("nameless user", "No user exists for uid 1000650000\nfatal: Could not read from remote repository.", "(1000650000)", "root"),
    (
        "old server",
        "Unable to negotiate with 10.0.0.7 port 22: no matching host key type found. Their offer: ssh-dss",
        "no method in common",
        "too old",
    ),
    ("fault", "ERROR: Internal Server Error", "has a fault of its own", "githubstatus"),
    (
        "some hook",
        " ! [remote rejected] main -> main (pre-receive hook declined)",
        "a rule of github.com refused it (pre-receive hook)",
        "say why",
    ),
]


@pytest.mark.parametrize(("text", "sentence", "hint"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_each_refusal_is_explained(text: str, sentence: str, hint: str) -> None:
    """In one sentence that says what happened to this ref, and what to do."""
    found = refusals.explain(text, LABEL)
    assert found is not None
    assert sentence in found[0]
    assert hint in found[1]
    assert "\n" not in found[0]
    assert "{" not in f"{found[0]}{found[1]}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Everything up-to-date",
        "warning: redirecting to somewhere",
        "remote: Resolving deltas: 100% (1/1), done.",
        "fatal: bad object HEAD",
    ],
)
def test_what_is_not_known_is_left_to_speak_for_itself(text: str) -> None:
    """A guess would send people the wrong way."""
    assert refusals.explain(text, LABEL) is None


def test_the_cause_wins_over_its_consequence() -> None:
    """A refused login also ends with a connection that is closed."""
    text = f"git@github.com: Permission denied (publickey).\nConnection closed by remote host\n{CLOSED}"
    found = refusals.explain(text, LABEL)
    assert found
    assert "does not know the key" in found[0]


def test_many_large_files_are_cut_short() -> None:
    """The log has them all; the sentence stays one."""
    files = "".join(
        f"remote: error: File f{number} is 101.00 MB; this exceeds GitHub's file size limit of 100.00 MB\n" for number in range(9)
    )
    found = refusals.explain(f"{files}remote: error: GH001: Large files detected.", LABEL)
    assert found
    assert found[0].endswith("f0 (101.00 MB), f1 (101.00 MB), f2 (101.00 MB), ...")
