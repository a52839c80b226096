"""YAML as a configuration is read: what would be lost or changed without a word is refused."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

MOST_NODES: Final = 50_000
"""Keys and values, each alias counted with all that it stands for."""
_INT: Final = "tag:yaml.org,2002:int"
_FLOAT: Final = "tag:yaml.org,2002:float"
_NOT_DECIMAL: Final = re.compile(r"[-+]?0[0-9]|.*:")
"""What YAML 1.1 takes for octal (010 is 8) or for minutes (1:30 is 90)."""


class YamlTextError(ValueError):
    """line: that it is about, from 1. what: holds no key or value of the text."""

    def __init__(self, line: int, what: str, key: str = "") -> None:
        super().__init__(f"{key}: {what}" if key else what)
        self.line = line
        self.what = what


def parsed(text: str) -> Any:
    """The value of one YAML document, as `yaml.safe_load` gives it.

    Raises YamlTextError for a key that is there twice, for numbers that are read as others than
    they look, and for aliases that unfold into more than MOST_NODES or into themselves; before
    anything is unfolded. Raises yaml.YAMLError, ValueError or RecursionError for what is no YAML.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _unfolded(node, {})
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _unfolded(node: yaml.Node, sizes: dict[int, int]) -> int:
    """How many nodes it stands for. sizes: those of the nodes seen, 0 while they are open."""
    known = sizes.get(id(node))
    if known == 0:
        raise YamlTextError(_line(node), "an alias that holds itself")
    if known is not None:
        return known
    sizes[id(node)] = 0
    size = 1
    for child in _children(node):
        size += _unfolded(child, sizes)
        if size > MOST_NODES:
            raise YamlTextError(_line(node), f"more than {MOST_NODES:,} keys and values")
    sizes[id(node)] = size
    return size


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        return [part for pair in node.value for part in pair]
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if node.tag in (_INT, _FLOAT) and _NOT_DECIMAL.match(node.value):
        raise YamlTextError(
            _line(node),
            "a number that YAML reads as octal or as minutes; write it in plain digits, a time in"
            " quotes",
        )
    return []


def _check_keys(node: yaml.MappingNode) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        name, line = (key.tag, key.value), _line(key)
        if name in lines:
            raise YamlTextError(
                line, f"the key is there twice, first in line {lines[name]}", name[1]
            )
        lines[name] = line


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
