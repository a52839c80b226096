"""Description: what is known of records beside their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from models.schema import Schema
from models.windows import Window


@dataclass(frozen=True)
class Description:
    """What records are, and where they are from.

    schema: a vector's features, a series' channels; NaN is a value where one may be missing.
    layout: "series" for (n, time, channel), "image", or "" to guess. window: how the series were
    made, if the stream has single steps of them. source: where the records came from, for the
    model card. read: what was understood of their files, as JSON values, for the model card.
    moments: int64 (n,), the time of each record in milliseconds since the epoch; None if nobody
    knows. context: what the drift test is to judge by, one of `context_fit.ASKED` or field:NAME; ""
    for nothing.
    """

    schema: Schema = field(default_factory=Schema)
    layout: str = ""
    window: Window | None = None
    source: str = ""
    read: Mapping[str, Any] | None = None
    moments: NDArray[np.int64] | None = None
    context: str = ""

    @classmethod
    def like(cls, spec: InputSpec | None, source: str = "") -> Self:
        """That of records such as another model's; of None, nothing but the source."""
        if spec is None:
            return cls(source=source)
        layout = "series" if spec.layout == "series" else ""
        return cls(spec.schema, layout, spec.window, source)
