"""Where kafka-python gets tokens from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.stream.oauth import Source


def token_provider(source: Source, extensions: Mapping[str, str]) -> Any:
    """What the option `sasl_oauth_token_provider` takes; `expires` is for librdkafka.

    It must be of the library's own class, which is in a module that has moved before (3.0.12).
    """
    from kafka.net.sasl.oauth import AbstractTokenProvider

    class Provider(AbstractTokenProvider):  # type: ignore[misc]  # kafka is untyped
        def __init__(self) -> None:
            self._last = 0.0

        def token(self) -> str:
            found = source()
            self._last = found.expires
            return found.text

        def expires(self) -> float:
            return self._last

        def extensions(self) -> dict[str, str]:
            return dict(extensions)

    return Provider()
