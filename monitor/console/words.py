"""The words of the console. English stands in the pages themselves; every text passes here, where another can come in.

`docs/console.md` says how the texts are gathered for translation.
"""

from __future__ import annotations

from markupsafe import Markup

from monitor.text import visible


def words(text: str, /, **values: object) -> Markup:
    """A text of ours with values put in at their names, escaped and shown by ``visible``."""
    shown = {name: visible(value) if isinstance(value, str) else value for name, value in values.items()}
    return Markup(text).format(**shown)  # noqa: S704 - the text is ours, the values are escaped by format()
