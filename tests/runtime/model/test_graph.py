"""A model file may contain only a network that is harmless for every interpreter."""

from __future__ import annotations

import copy
import struct

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from emotion_edge_converter.conversion.model_file import embed

from emotion_edge import ModelError
from emotion_edge.model.file import Model, load, shipped
from emotion_edge.model.flatbuffer import Table
from emotion_edge.model.graph import OPERATORS, read
from emotion_edge.model.interpreter import construct

SHIPPED = load("tess-mlp")
PARSED = schema.ModelT.InitFromObj(schema.Model.GetRootAs(SHIPPED.content, 0))


def changed(change):
    """The file of tess-mlp, changed through the classes of the schema, so that it is a well-formed file."""
    model = copy.deepcopy(PARSED)
    change(model, model.subgraphs[0])
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def add_step(model, graph, code, shapes, shape):
    """Add an operator with constant inputs of these shapes, and an output that claims to have this shape."""
    model.operatorCodes.append(schema.OperatorCodeT())
    model.operatorCodes[-1].builtinCode = code
    model.operatorCodes[-1].deprecatedBuiltinCode = min(code, 127)
    step = schema.OperatorT()
    step.opcodeIndex, step.inputs, step.outputs = len(model.operatorCodes) - 1, [], []
    for each, numbers in [*((each, step.inputs) for each in shapes), (shape, step.outputs)]:
        numbers.append(len(graph.tensors))
        graph.tensors.append(schema.TensorT())
        graph.tensors[-1].shape, graph.tensors[-1].type = list(each), schema.TensorType.FLOAT32
        if numbers is step.inputs:
            graph.tensors[-1].buffer = len(model.buffers)
            model.buffers.append(schema.BufferT())
            model.buffers[-1].data = np.zeros(4 * int(np.prod(each)), np.uint8)
    graph.operators.append(step)


def test_a_model_packed_by_the_schema_is_read():
    graph = read(changed(lambda *_: None))
    assert [tensor.shape for tensor in graph.tensors] == [tuple(each.shape) for each in PARSED.subgraphs[0].tensors]
    assert [step.operator for step in graph.steps] == ["QUANTIZE", "FULLY_CONNECTED", "FULLY_CONNECTED", "DEQUANTIZE"]


def test_the_names_are_those_of_the_schema():
    assert {getattr(schema.BuiltinOperator, name): name for name in OPERATORS.values()} == OPERATORS


@pytest.mark.parametrize(
    ("code", "shapes", "shape"),
    [
        ("ADD", [(1, 5), (5,)], (1, 5)),
        ("ADD", [(1, 5), ()], (1, 5)),
        ("SELECT_V2", [(1, 5), (1, 5), ()], (1, 5)),
        ("GELU", [(3, 4)], (3, 4)),
        ("FULLY_CONNECTED", [(1, 5), (7, 5)], (1, 7)),
        ("FULLY_CONNECTED", [(2, 5), (7, 5), (7,)], (2, 7)),
    ],
)
def test_steps_that_fit(code, shapes, shape):
    read(changed(lambda model, graph: add_step(model, graph, getattr(schema.BuiltinOperator, code), shapes, shape)))


def set_shape(shape):
    def change(model, graph):
        graph.tensors[5].shape = shape

    return change


def set_first(attribute, value, what="tensors"):
    def change(model, graph):
        setattr(getattr(graph, what)[0], attribute, value)

    return change


def steps(code, shapes, shape):
    return lambda model, graph: add_step(model, graph, getattr(schema.BuiltinOperator, code), shapes, shape)


def two_graphs(model, graph):
    model.subgraphs.append(copy.deepcopy(graph))


def data_cut_short(model, graph):
    buffer = max(model.buffers, key=lambda each: 0 if each.data is None else len(each.data))
    buffer.data = buffer.data[:-1]


def data_after_the_file(model, graph):
    model.buffers[1].offset = 1 << 40


def never_made(model, graph):
    graph.operators[1].inputs[0] = graph.outputs[0]


def made_twice(model, graph):
    graph.operators.append(copy.deepcopy(graph.operators[-1]))


def scales(*values, axis=0):
    def change(model, graph):
        quantization = next(each.quantization for each in graph.tensors if each.quantization.scale is not None)
        quantization.scale, quantization.zeroPoint = np.array(values, "<f4"), np.zeros(len(values), "<i8")
        quantization.quantizedDimension = axis

    return change


DAMAGED = "damaged or cut short"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_shape([1, 1 << 30]), "more than 33554432 numbers: too large for a device"),
        (set_shape([1 << 30] * 4), "too large for a device"),
        (set_shape([1, 0]), DAMAGED),
        (set_shape([-1, -128]), DAMAGED),
        (set_shape([1] * 5), DAMAGED),
        (set_shape([1] * 100_000), DAMAGED),
        (set_first("type", schema.TensorType.STRING), "a tensor of TFLite type 5, wanted one of float32"),
        (set_first("buffer", 99), DAMAGED),
        (set_first("isVariable", True), "fields that a dense network does not need"),
        (set_first("sparsity", schema.SparsityParametersT()), "fields that a dense network does not need"),
        (set_first("customOptions", [1], "operators"), "fields that a dense network does not need"),
        (set_first("opcodeIndex", 99, "operators"), DAMAGED),
        (set_first("inputs", [99], "operators"), DAMAGED),
        (set_first("inputs", [-2], "operators"), DAMAGED),
        (set_first("inputs", [], "operators"), DAMAGED),
        (set_first("inputs", [-1], "operators"), DAMAGED),
        (set_first("outputs", [0], "operators"), DAMAGED),
        (set_first("outputs", [-1], "operators"), DAMAGED),
        (data_cut_short, DAMAGED),
        (data_after_the_file, "fields that a dense network does not need"),
        (never_made, DAMAGED),
        (made_twice, DAMAGED),
        (two_graphs, "contains 2 graphs, wanted one"),
        (scales(1.0, 2.0), DAMAGED),
        (scales(1.0, 2.0, axis=-1), DAMAGED),
        (scales(0.0), DAMAGED),
        (scales(float("nan")), DAMAGED),
        (steps("CONV_2D", [(1, 5)], (1, 5)), "TFLite operator 3, which does not belong in a dense network"),
        (steps("CUSTOM", [(1, 5)], (1, 5)), "TFLite operator 32"),
        (steps("FILL", [(1, 5)], (1, 5)), "TFLite operator 94"),
        (steps("ADD", [(4096, 1), (1, 4096)], (1, 4096)), DAMAGED),
        (steps("ADD", [(8192, 1), (1, 8192)], (8192, 8192)), "too large for a device"),
        (steps("ADD", [(1, 5), (1, 4)], (1, 5)), DAMAGED),
        (steps("FULLY_CONNECTED", [(1, 5)], (1, 5)), DAMAGED),
        (steps("FULLY_CONNECTED", [(1, 5), (7, 4)], (1, 7)), DAMAGED),
        (steps("FULLY_CONNECTED", [(1, 5), (7, 5), (8,)], (1, 7)), DAMAGED),
        (steps("FULLY_CONNECTED", [(1, 5), (7, 5)], (1, 8)), DAMAGED),
    ],
)
def test_a_file_that_is_not_a_dense_network_is_refused(change, message):
    with pytest.raises(ModelError, match=message):
        read(changed(change))


def test_a_model_checks_its_network_before_any_interpreter_sees_it():
    with pytest.raises(ModelError, match=r"TFLite operator 3, "):
        Model(changed(steps("CONV_2D", [(1, 5)], (1, 5))), SHIPPED.recipe)
    with pytest.raises(ModelError, match="its network has 2 outputs, wanted one"):
        Model(changed(lambda _, graph: setattr(graph, "outputs", [*graph.outputs, 5])), SHIPPED.recipe)


def test_a_result_that_is_not_a_number():
    def times_nan(model, graph):
        add_step(model, graph, schema.BuiltinOperator.MUL, [(1, 5)], (1, 5))
        model.buffers[-1].data = np.frombuffer(np.full(5, np.nan, "<f4").tobytes(), np.uint8)
        graph.operators[-1].inputs.append(graph.outputs[0])
        graph.outputs = graph.operators[-1].outputs

    model = Model(changed(times_nan), SHIPPED.recipe)
    for backend in ("ai-edge-litert", "numpy"):
        with pytest.raises(ModelError, match=r"the model returns \[nan nan nan nan nan\], wanted finite numbers"):
            construct(model, backend)


def test_a_name_that_is_not_text_is_harmless():
    content = changed(lambda _, graph: setattr(graph.tensors[graph.inputs[0]], "name", b"\xff\xfe"))
    with pytest.raises(ModelError, match="ai-edge-litert refuses the model: 'utf-8' codec can't decode"):
        construct(Model(content, SHIPPED.recipe), "ai-edge-litert")
    construct(Model(content, SHIPPED.recipe), "numpy")


def test_a_table_cannot_be_listed_a_million_times():
    """A file of 4 MB with one table that lists itself a million times must not need memory for all of them."""
    n = 1 << 20
    vtable = struct.pack("<HH" + "H" * 8, 20, 8, 0, 4, 4, 0, 4, 0, 4, 4)  # every vector is the one below
    start = 8 + len(vtable)
    table = struct.pack("<iI", start - 8, 4)
    vector = struct.pack("<I", n) + b"".join(struct.pack("<i", 0) for _ in range(n))
    content = struct.pack("<I4s", start, b"TFL3") + vtable + table + vector
    for field in (1, 2, 4, 6):
        with pytest.raises(ModelError, match=DAMAGED):
            Table(content).tables(field)
    with pytest.raises(ModelError, match=DAMAGED):
        read(content)


def test_long_names_are_not_read_in_full():
    """Four thousand metadata entries share one name of a megabyte."""
    builder = flatbuffers.Builder(1 << 22)
    name = builder.CreateString("x" * (1 << 20))
    entries = []
    for _ in range(4000):
        schema.MetadataStart(builder)
        schema.MetadataAddName(builder, name)
        entries.append(schema.MetadataEnd(builder))
    schema.ModelStartMetadataVector(builder, len(entries))
    for entry in entries:
        builder.PrependUOffsetTRelative(entry)
    vector = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddMetadata(builder, vector)
    builder.Finish(schema.ModelEnd(builder), file_identifier=b"TFL3")
    content = bytes(builder.Output())
    assert Table(content).tables(6)[0].text(0) == "x" * 64
    with pytest.raises(ModelError, match="contains no recipe"):
        Model.from_bytes(content)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_embedding_again_gives_the_same_network(name):
    model = load(name)
    before, after = read(model.content), read(embed(model.content, model.recipe))
    assert before.steps[0].operator == after.steps[0].operator
    for one, other in zip(before.tensors, after.tensors, strict=True):
        assert (one.shape, one.dtype, one.scale, one.zero_point) == (
            other.shape,
            other.dtype,
            other.scale,
            other.zero_point,
        )
        np.testing.assert_array_equal(one.constant, other.constant)
