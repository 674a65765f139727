"""Verifying every image of a commit in the registry, and waiting for those that are not all there yet."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from kargo_notify.content import Content, Shelf, fits, in_words, short
from kargo_notify.expected import Expected, Plan
from plugin_kit.access import Access
from plugin_kit.console import Console, counted, lasting
from plugin_kit.errors import LoginRefused, PluginError, RegistryError, RegistryUnavailable, WrongBytes
from plugin_kit.manifest import Manifest
from plugin_kit.parallel import each
from plugin_kit.release import candidate_tag

FIRST_REPORT_SECONDS = 2.0
_LONGEST_SILENCE_SECONDS = 30.0
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 3.0
_MOST_ROWS = 60
_MOST_NAMES = 6
_SHORT = 12
_NO_ANSWER = "no answer yet"
_NOTHING = "nothing"
_AN_ANSWER = "an answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An image as the registry holds it, under the tag that it was found by.

    `blobs` is how many it has, configs included; `names_commit`: a label or an annotation says which commit it is of.
    """

    expected: Expected
    manifest: Manifest
    tag: str
    platforms: tuple[str, ...]
    blobs: int
    names_commit: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is wrong with an image; what is not `final` may come right by waiting. `refusal` is set where the login was refused."""

    image: str
    tag: str
    expected: str
    found: str
    final: bool = True
    hint: str | None = None
    refusal: LoginRefused | None = None


class VerificationError(PluginError):
    """The registry does not hold what it should; nothing was tagged."""

    def __init__(self, message: str, *, flaws: Sequence[Flaw], hint: str | None, details: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.flaws = tuple(flaws)


Answer = Found | tuple[Flaw, ...]


def verify(plan: Plan, access: Access, console: Console, *, timeout: float) -> tuple[Found, ...]:
    """Verify all images at once; what is missing, or a registry that does not answer, is waited for `timeout` seconds.

    Raises VerificationError after a table of everything that is wrong.
    """
    with console.step(f"Verifying {counted(len(plan.images), 'image')} of {plan.revision[:_SHORT]}") as step:
        answers = _Verification(plan, access, timeout).run(console)
        flaws = [flaw for answer in answers if not isinstance(answer, Found) for flaw in answer]
        if flaws:
            raise _error(plan, flaws, timeout, console)
        found = tuple(answer for answer in answers if isinstance(answer, Found))
        step.note(f"{sum(each.blobs for each in found)} blobs, all there")
    nameless = [each.expected.name for each in found if not each.names_commit]
    if nameless:
        words = "names no commit, so its name is" if len(nameless) == 1 else "name no commit, so their names are"
        console.info(f"{_names(nameless)} {words} all there is to go by")
    return found


def _error(plan: Plan, flaws: Sequence[Flaw], timeout: float, console: Console) -> VerificationError:
    """Print the table, and return the error that ends the step."""
    refusals = [flaw.refusal for flaw in flaws if flaw.refusal]
    if len(refusals) == len(flaws) == len(plan.images):
        first = refusals[0]
        message = f"{first.message}; nothing was tagged, and Kargo was not told"
        return VerificationError(message, flaws=flaws, hint=first.hint, details=first.details)
    answers = {flaw.found for flaw in flaws if flaw.expected == _AN_ANSWER}
    if len(flaws) == len(plan.images) > 1 == len(answers) and all(flaw.expected == _AN_ANSWER for flaw in flaws):
        # The registry is down: a table that says so for each image would say nothing more.
        return VerificationError(f"{answers.pop()}; nothing was tagged, and Kargo was not told", flaws=flaws, hint=flaws[0].hint)
    rows = [[flaw.image, _shown(flaw.tag, plan), flaw.expected, flaw.found] for flaw in flaws[:_MOST_ROWS]]
    if len(flaws) > _MOST_ROWS:
        rows.append([f"and {len(flaws) - _MOST_ROWS} more", "", "", ""])
    console.table(["image", "tag", "expected", "found"], rows)
    wrong = len({flaw.image for flaw in flaws})
    verb = "is" if wrong == 1 else "are"
    hint = next((flaw.hint for flaw in flaws if flaw.final and flaw.hint), None) or next((flaw.hint for flaw in flaws if flaw.hint), None)
    if hint is None:
        hint = f"what is missing was waited for {lasting(timeout)} (`timeout`): was it pushed, and to this registry?"
    return VerificationError(
        f"{wrong} of {counted(len(plan.images), 'image')} of {plan.revision[:_SHORT]} {verb} not as {plan.origin} has it; "
        "nothing was tagged, and Kargo was not told",
        flaws=flaws,
        hint=hint,
    )


def _shown(tag: str, plan: Plan) -> str:
    # The full SHA would push out of the table what is wrong.
    return tag.replace(plan.revision, plan.revision[:_SHORT])


class _Verification:
    """The images that are still open, and what is known of each."""

    def __init__(self, plan: Plan, access: Access, timeout: float) -> None:
        self._plan = plan
        self._access = access
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        # Images of one repository share its blobs, so they are looked at by one thread, one after the other.
        self._repositories: dict[str, tuple[Shelf, list[Expected]]] = {}
        for image in plan.images:
            shelf = Shelf(access.registry(image.repository.host), image.repository.path)
            self._repositories.setdefault(str(image.repository), (shelf, []))[1].append(image)
        self._answers: dict[str, Answer] = {}

    def run(self, console: Console) -> list[Answer]:
        """Look until all are found, something is wrong for good, or the time is over."""
        pause = _FIRST_PAUSE_SECONDS
        with self._access.retrying_for(self._timeout), _reports(console, self._waiting_for):
            while True:
                each(self._look, self._repositories.values(), at_once=self._access.connections)
                flaws = [flaw for answer in self._answers.values() if not isinstance(answer, Found) for flaw in answer]
                left = self._deadline - time.monotonic()
                if not flaws or left <= 0 or any(flaw.final for flaw in flaws):
                    return [self._answers[image.name] for image in self._plan.images]
                time.sleep(min(pause, left))
                pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)

    def _look(self, repository: tuple[Shelf, list[Expected]]) -> None:
        shelf, images = repository
        for image in images:
            if not isinstance(self._answers.get(image.name), Found):
                self._answers[image.name] = self._examined(shelf, image)

    def _examined(self, shelf: Shelf, image: Expected) -> Answer:
        try:
            return _examine(shelf, image, self._plan)
        except WrongBytes as error:
            wrong = f"bytes of {short(error.received)}"
            return (_flaw(image, short(error.promised), wrong, hint=error.hint),)
        except RegistryUnavailable as error:
            # Who asks for more patience than there is would be asked in vain, and against its word.
            later = time.monotonic() + (error.wait or 0) < self._deadline
            return (_flaw(image, _AN_ANSWER, error.message, final=not later, hint=error.hint),)
        except RegistryError as error:
            flaw = _flaw(image, _AN_ANSWER, error.message, hint=error.hint)
            return (replace(flaw, refusal=error) if isinstance(error, LoginRefused) else flaw,)

    def _waiting_for(self) -> str:
        """Say in one line what is still missing, by reason."""
        reasons: dict[str, list[str]] = {}
        for image in self._plan.images:
            answer = self._answers.get(image.name)
            if not isinstance(answer, Found):
                reasons.setdefault(_reason(answer), []).append(image.name)
        left = self._deadline - time.monotonic()
        if not reasons or left <= 0:
            return ""
        return f"still waiting, for {lasting(left)} at most: " + "; ".join(
            f"{_names(names)}: {reason}" for reason, names in reasons.items()
        )


def _examine(shelf: Shelf, image: Expected, plan: Plan) -> Answer:
    tag, manifest = _tagged(shelf, image, plan)
    if manifest is None:
        expected = f"manifest {short(image.digest)}" if image.digest else "a manifest"
        return (_flaw(image, expected, _NOTHING, final=False),)
    if image.digest and manifest.digest != image.digest:
        return (_flaw(image, short(image.digest), short(manifest.digest), hint=_moved(plan, tag)),)
    content = shelf.look(manifest)
    flaws = (*_wrong(image, content, plan), *_other_tags(shelf, image, manifest))
    if content.missing:
        flaws = (*flaws, _flaw(image, in_words(content.missing), _NOTHING, final=False))
    if flaws:
        return flaws
    return Found(
        expected=image,
        manifest=manifest,
        tag=tag,
        platforms=tuple(content.platforms),
        blobs=content.blobs,
        names_commit=bool(content.revisions),
    )


def _tagged(shelf: Shelf, image: Expected, plan: Plan) -> tuple[str, Manifest | None]:
    """Return the image under its tag, or where a former run has removed the candidate, under one that this run released."""
    manifest = shelf.registry.manifest(shelf.path, image.tag)
    if manifest is None and plan.held:
        for tag in image.wanted_tags:
            released = None if tag in plan.forward_tags else shelf.registry.manifest(shelf.path, tag)
            if released is not None and released.digest == image.digest:
                return tag, released
    return image.tag, manifest


def _wrong(image: Expected, content: Content, plan: Plan) -> Iterator[Flaw]:
    """Say what is there and is not what it should be."""
    other = next((revision for revision in content.revisions if revision != plan.revision), None)
    if other is not None:
        yield _flaw(image, f"revision {plan.revision[:_SHORT]}", f"revision {other[:_SHORT]}", hint=_of_another_commit(plan, image.tag))
    elif not content.revisions and plan.record is not None and not content.missing:
        yield _flaw(image, f"revision {plan.revision[:_SHORT]}", "no revision label")
    for platform in image.platforms:
        # Without its config a single image does not say what it is for.
        known = content.platforms or not content.missing
        if known and not any(fits(platform, found) for found in content.platforms):
            yield _flaw(image, f"platform {platform}", ", ".join(content.platforms) or "no platform")


def _other_tags(shelf: Shelf, image: Expected, manifest: Manifest) -> Iterator[Flaw]:
    """Look at the further tags of images given by hand: all of them name the same image."""
    for tag in () if image.digest else image.wanted_tags[1:]:
        other = shelf.registry.manifest(shelf.path, tag)
        if other is None:
            yield _flaw(image, f"manifest {short(manifest.digest)}", _NOTHING, tag=tag, final=False)
        elif other.digest != manifest.digest:
            hint = "all of `tags` must name one image: leave out those that this commit's build does not set"
            yield _flaw(image, f"{short(manifest.digest)}, as {image.tag}", short(other.digest), tag=tag, hint=hint)


def _flaw(image: Expected, expected: str, found: str, *, tag: str | None = None, final: bool = True, hint: str | None = None) -> Flaw:
    return Flaw(image=image.name, tag=tag or image.tag, expected=expected, found=found, final=final, hint=hint)


def _moved(plan: Plan, tag: str) -> str:
    """Say what helps against a tag that names other bytes than the record."""
    if tag == candidate_tag(plan.revision):
        return "somebody else has set the tag since; run the whole pipeline again"
    # registry-push takes what stands under a tag of the commit for the commit's.
    return "somebody else has set the tag since; run the whole pipeline again, once with `force: true` in registry-push"


def _of_another_commit(plan: Plan, tag: str) -> str:
    if plan.record is not None:
        return _moved(plan, tag)
    return "check `tags` and `revision`: the image was built from another commit"


def _reason(answer: Answer | None) -> str:
    if answer is None or isinstance(answer, Found):
        return _NO_ANSWER
    first = answer[0]
    return f"no {first.expected.removeprefix('a ')}" if first.found == _NOTHING else first.found


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"


@contextmanager
def _reports(console: Console, waiting_for: Callable[[], str]) -> Iterator[None]:
    """Print what is still missing while the block runs: soon, then at growing intervals."""
    over = threading.Event()

    def report() -> None:
        silence = FIRST_REPORT_SECONDS
        while not over.wait(silence):
            if text := waiting_for():
                console.detail(text)
            silence = min(silence * 2, _LONGEST_SILENCE_SECONDS)

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
