"""What an ONNX file must be before anything runs it: bounded, whole, of standard operators.

A graph is arithmetic, and cannot open files or sockets; but what it refers to outside itself, code
that others add to the runtime, and loops without an end are refused before it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from models.errors import GivenModelError
from models.extras import needed

EXTRA: Final = "onnx"
WHAT: Final = "a scorer in ONNX"
MOST_BYTES: Final = 200 << 20
DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
OLDEST: Final = 7
"""Of the standard operators: the first set that onnxruntime promises to run."""
REFUSED: Final = {
    "Loop": "may never end",
    **dict.fromkeys(
        (
            "Bernoulli",
            "Multinomial",
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
        ),
        "is random",
    ),
}


def checked(data: bytes, source: str) -> Any:
    """The model in the bytes of a file, an `onnx.ModelProto`. Raises GivenModelError.

    source: the file, for people.
    """
    onnx = needed("onnx", EXTRA, WHAT)
    if len(data) > MOST_BYTES:
        raise GivenModelError(f"{source}: is larger than {MOST_BYTES >> 20} MiB")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # of whichever library reads protobuf
        raise GivenModelError(f"{source}: is not an ONNX file ({_line(error)})") from error
    _check_opsets(model, onnx.defs.onnx_opset_version(), source)
    own = {(function.domain, function.name) for function in model.functions}
    for graph in (model.graph, *model.functions):
        for node in _nodes(graph):
            _check_node(node, own, source)
    if any(_is_outside(tensor) for tensor in _tensors(model)):
        raise GivenModelError(
            f"{source}: its weights are in another file. Save it as one:"
            " onnx.save(onnx.load(FILE), NEW, save_as_external_data=False)"
        )
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # onnx.checker.ValidationError, and what its libraries raise
        raise GivenModelError(f"{source}: is not a valid ONNX model ({_line(error)})") from error
    return model


def _check_opsets(model: Any, newest: int, source: str) -> None:
    for each in model.opset_import:
        if each.domain in ("", "ai.onnx") and not OLDEST <= each.version <= newest:
            raise GivenModelError(
                f"{source}: opset {each.version}; those from {OLDEST} to {newest} can be run."
                " Export it again with another opset"
            )
    if not any(each.domain in DOMAINS for each in model.opset_import):
        raise GivenModelError(f"{source}: is not an ONNX model: it names no set of operators")


def _check_node(node: Any, own: set[tuple[str, str]], source: str) -> None:
    if node.domain not in DOMAINS and (node.domain, node.op_type) not in own:
        raise GivenModelError(
            f"{source}: operator {node.op_type!r:.80} of {node.domain!r:.80} is not a standard one:"
            " custom operators are not run. Export it with operators of ONNX alone"
        )
    if node.domain in DOMAINS and node.op_type in REFUSED:
        raise GivenModelError(f"{source}: operator {node.op_type} {REFUSED[node.op_type]}: refused")


def _nodes(graph: Any) -> Iterator[Any]:
    """All nodes of a graph, those of graphs within them, too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes(inner)


def _tensors(model: Any) -> Iterator[Any]:
    for graph in (model.graph, *model.functions):
        yield from _initial(graph)
        for node in _nodes(graph):
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    yield from (sparse.values, sparse.indices)
                for inner in (attribute.g, *attribute.graphs):
                    yield from _initial(inner)


def _initial(graph: Any) -> Iterator[Any]:
    yield from getattr(graph, "initializer", ())
    for sparse in getattr(graph, "sparse_initializer", ()):
        yield from (sparse.values, sparse.indices)


def _is_outside(tensor: Any) -> bool:
    return bool(tensor.external_data) or tensor.data_location == tensor.EXTERNAL


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
