"""What an answer can mean: a label says what kind of infringement it is, and chooses the right to rely on. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detectors.model import Answer
from detectors.rights import RightKind

_COPYRIGHT = (RightKind.COPYRIGHT_REGISTERED, RightKind.COPYRIGHT_UNREGISTERED)


@dataclass(frozen=True, slots=True)
class Label:
    """One meaning of an answer; for an infringement also the kinds of right that it infringes."""

    name: str
    text: str
    answer: Answer
    kinds: tuple[RightKind, ...] = ()


LABELS = (
    Label("copied-artwork", "The goods show the artwork", Answer.INFRINGING, _COPYRIGHT),
    Label("copied-picture", "The listing uses our picture", Answer.INFRINGING, _COPYRIGHT),
    Label("brand", "It carries the name or logo", Answer.INFRINGING, (RightKind.TRADEMARK,)),
    Label("copied-design", "The product has the design's shape", Answer.INFRINGING, (RightKind.DESIGN,)),
    Label(
        "copied-technique",
        "It works as the patent says",
        Answer.INFRINGING,
        (RightKind.PATENT, RightKind.UTILITY_MODEL),
    ),
    Label("likeness", "It shows the person", Answer.INFRINGING, (RightKind.PUBLICITY,)),
    Label("licensed", "Under a licence", Answer.LICENSED),
    Label("genuine", "Genuine goods, resold", Answer.LICENSED),
    Label("lawful", "Lawful use: quotation, parody, description", Answer.LICENSED),
    Label("other-artwork", "Another artwork", Answer.NOT_A_MATCH),
    Label("common", "A common motif or shared part", Answer.NOT_A_MATCH),
    Label("out-of-scope", "Out of scope: ended, not for sale", Answer.NOT_A_MATCH),
)
_BY_NAME = {label.name: label for label in LABELS}


@dataclass(frozen=True, slots=True)
class Choice:
    """A label as it is offered for one work: with the right that it would rely on, where it needs one."""

    label: Label
    right_id: int | None = None
    right: str = ""

    @property
    def value(self) -> str:
        """The choice in a form."""
        return f"{self.label.name}:{self.right_id or ''}"


def choices(rights: Iterable[tuple[int, str, str]]) -> list[Choice]:
    """What can be said of an alert on a work.

    Args:
        rights: (id, kind, number) of each right that protects the work. Without a right for it an infringement can
            be labelled all the same: the right may be registered later.
    """
    offered = []
    known = list(rights)
    for label in LABELS:
        fitting = [(right_id, number) for right_id, kind, number in known if kind in label.kinds]
        offered += [Choice(label, right_id, number) for right_id, number in fitting]
        if not fitting and (not label.kinds or label.kinds == _COPYRIGHT):
            offered.append(Choice(label))
    return offered


def chosen(value: str, answer: Answer, offered: Iterable[Choice]) -> Choice | None:
    """The choice that a form sent, if it was offered and goes with the answer; else the answer's first one."""
    fitting = [choice for choice in offered if choice.label.answer is answer]
    return next((choice for choice in fitting if choice.value == value), fitting[0] if fitting else None)


def text_of(name: str) -> str:
    """A label's words."""
    return _BY_NAME[name].text if name in _BY_NAME else name
