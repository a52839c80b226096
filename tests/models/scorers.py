"""Scorers of others for tests: ONNX files made by hand, as small as they can be."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE


def distance(centre, kind=FLOAT, shift=0.0, shape=None, batch="n"):
    """Squared distance from a centre, plus a shift, of records of its shape: `x` to `score`."""
    centre = np.asarray(centre)
    dtype = np.float32 if kind == FLOAT else np.float64
    axes = np.arange(1, centre.ndim + 1)
    nodes = [
        helper.make_node("Sub", ["x", "centre"], ["away"]),
        helper.make_node("Mul", ["away", "away"], ["squares"]),
        helper.make_node("ReduceSum", ["squares", "axes"], ["sum"], keepdims=0),
        helper.make_node("Add", ["sum", "shift"], ["score"]),
    ]
    weights = [
        numpy_helper.from_array(centre.astype(dtype), "centre"),
        numpy_helper.from_array(axes, "axes"),
        numpy_helper.from_array(np.array(shift, dtype=dtype), "shift"),
    ]
    shape = list(centre.shape if shape is None else shape)
    return model(nodes, weights, kind, [batch, *shape])


def model(nodes, weights=(), kind=FLOAT, shape=("n", 4), opset=18, outputs=("score",), more=()):
    """A model of these nodes, from `x` to `outputs`, (n,) each. more: further inputs."""
    graph = helper.make_graph(
        nodes,
        "scorer",
        [helper.make_tensor_value_info(name, kind, shape) for name in ("x", *more)],
        [helper.make_tensor_value_info(name, kind, ["n"]) for name in outputs],
        initializer=list(weights),
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 9
    return made


def written(made, path):
    """The model as a file."""
    onnx.save(made, path)
    return path
