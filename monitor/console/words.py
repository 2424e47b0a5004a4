"""The words of the console, in the reader's language: English is what stands in the pages themselves.

A translation is a catalogue ``locale/<language>/LC_MESSAGES/bazaarwatch.po``; `docs/console.md` says how to make one.
"""

from __future__ import annotations

from markupsafe import Markup

from monitor.text import visible


def words(text: str, /, **values: object) -> Markup:
    """A text of ours with values put in at their names, escaped and shown by ``visible``."""
    shown = {name: visible(value) if isinstance(value, str) else value for name, value in values.items()}
    return Markup(text).format(**shown)  # noqa: S704 - the text is ours, the values are escaped by format()
