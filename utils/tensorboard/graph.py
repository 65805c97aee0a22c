"""The recorded graph of a model's call in TensorBoard's format."""

from tensorboardX.proto.attr_value_pb2 import AttrValue
from tensorboardX.proto.graph_pb2 import GraphDef
from tensorboardX.proto.node_def_pb2 import NodeDef

from ...autograd.drawing import graph
from ...autograd.modes import enable_grad
from ...autograd.pytree import flatten
from ...autograd.tensor import Tensor

__all__ = ["graph_of"]


def graph_of(model, inputs):
    """Return the definition of the graph that one call of a model records.

    Parameters have their names in the model, operations their kind and a number.

    Args:
        model: a module.
        inputs: a tensor, or a tuple or list of the arguments.
    Raises:
        ValueError: without inputs.
        RuntimeError: no output depends on anything that requires a gradient.
    """
    if inputs is None:
        raise ValueError("add_graph() runs the model once, so it needs input_to_model")
    arguments = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
    arguments = [_watched(argument) for argument in arguments]
    with enable_grad():
        outputs = [leaf for leaf in flatten(model(*arguments))[0]
                   if isinstance(leaf, Tensor) and leaf.requires_grad]
    if not outputs:
        raise RuntimeError("add_graph(): no output of the model depends on a parameter")
    names = {name.replace(".", "/"): parameter for name, parameter in model.named_parameters()}
    names.update({f"input/{i}": argument for i, argument in enumerate(arguments)})
    definition, known = GraphDef(), {}
    for number, output in enumerate(outputs):
        last = _add_boxes(definition, known, graph(output, depth=None, names=names))
        definition.node.append(NodeDef(name=f"output/{number}", op="output", input=[last]))
    return definition


def _watched(argument):
    """An input that the graph will show: floating point inputs require a gradient for that."""
    if isinstance(argument, Tensor) and argument.is_floating_point():
        return argument.detach().requires_grad_()
    return argument


def _add_boxes(definition, known, drawing):
    """Add the nodes of a drawing that are not known yet; return the name of the last."""
    for box in drawing.boxes():
        node = box.nodes[0]
        if node not in known:
            label = box.label or "parameter"
            known[node] = box.name or f"{label.replace('/', '_')}_{len(known)}"
            definition.node.append(NodeDef(
                name=known[node], op=label, input=[known[b.nodes[0]] for b in box.inputs],
                attr={"output": AttrValue(s=box.note.encode())} if box.note else {}))
    return known[node]
