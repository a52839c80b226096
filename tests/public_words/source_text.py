"""What is said in the log, found in the source: the texts, their levels and their keys."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import models
import monitor

LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


def lines() -> Iterator[str]:
    yield from sorted({line for tree in _trees() for line in _said(tree)})


def _trees() -> Iterator[ast.AST]:
    for package in (models, monitor):
        for path in Path(package.__path__[0]).rglob("*.py"):
            yield ast.parse(path.read_text(encoding="utf-8"))


def _said(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        holder = node.func.value
        if isinstance(holder, ast.Name) and holder.id == "log" and node.func.attr in LEVELS:
            keys = ", ".join(sorted(word.arg or "**" for word in node.keywords))
            yield f"{node.func.attr}: {_text(node.args[0])} ({keys})"


def _text(node: ast.expr) -> str:
    """The text as it is written; {} stands for what is not known before."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    return "{}"
