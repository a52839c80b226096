"""Which of a model's channels are watched."""

from __future__ import annotations

from collections.abc import Sequence

from models.channels import Channels


def chosen(patterns: Sequence[str], known: Channels) -> Channels:
    """Those of which the name or the group matches any pattern; ValueError if none does."""
    found = known.matching(patterns)
    if not found.kept.size:
        some = ", ".join(view.name for view in known.each[:5])
        raise ValueError(
            f"{', '.join(patterns)} fits none of the model's channels. Some of them are {some};"
            f" groups are {', '.join(sorted({view.group for view in known.each}))}"
        )
    return found
