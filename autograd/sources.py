"""The user's program as text: which statement made a tensor, and what its operands are called.

Asked only while an error message is written; nothing here runs any of the text.
"""

import functools
import linecache
import os
import sys

__all__ = ["assigned", "failed", "shown"]

_PACKAGE = __name__.partition(".")[0]


def shown(place):
    """Return a place (file, line, function) as text: "train.py:41 (`pred = net(x).detach()`)"."""
    file, line, _ = place
    text = linecache.getline(file, line).strip()
    where = f"{_shown_file(file)}:{line}"
    return f"{where} (`{text}`)" if text else where


def _shown_file(file):
    """Return what a reader calls a file: its name, or the number of a notebook's cell."""
    notebook = sys.modules.get("IPython")
    shell = None if notebook is None else notebook.get_ipython()
    named = None if shell is None else shell.compile.format_code_name(file)
    return " ".join(named) if named else os.path.basename(file)


def assigned(place):
    """Return the name that the statement at a place assigns to, or None."""
    statement = _statement(place[0], place[1])
    target = None if statement is None else _first_target(statement)
    if target is None:
        return None
    import ast

    return ast.unparse(target)


def _first_target(statement):
    import ast

    if isinstance(statement, ast.Assign):
        return statement.targets[0]
    return getattr(statement, "target", None) if isinstance(
        statement, (ast.AugAssign, ast.AnnAssign)) else None


@functools.lru_cache(maxsize=16)
def _parsed(text):
    import ast

    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _statement(file, line):
    """Return the innermost statement that covers a line of a file."""
    import ast

    tree = _parsed("".join(linecache.getlines(file)))
    found = None
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.stmt) and node.lineno <= line <= node.end_lineno and (
                found is None or node.lineno >= found.lineno):
            found = node
    return found


def failed(name, arrays):
    """Return a note on a failed operation: the expression, and its operands with shapes.

    None where the program's text is not at hand.
    """
    called = _calling_expression()
    if called is None:
        return None
    file, line, text, names = called
    if len(names) == len(arrays) + 1:
        names = names[1:]  # the module in `torch.add(a, b)`
    if len(names) != len(arrays):
        names = [f"operand {n + 1}" for n in range(len(arrays))]
    operands = ", ".join(f"{name} has shape {list(a.shape)}" for name, a in zip(names, arrays))
    return f"{name} failed in `{text}` at {_shown_file(file)}:{line}: {operands}"


def _calling_expression():
    """Return (file, line, text of the expression, its operands) of the call into ember, or None.

    The operands are the texts of what the operation was called with, where the program called
    the operation itself: `[]` where a layer or a function of nn lies between.
    """
    frame, direct = sys._getframe(1), True
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] != _PACKAGE:
            break
        direct = direct and not module.startswith((_PACKAGE + ".nn", _PACKAGE + ".optim"))
        frame = frame.f_back
    if frame is None:
        return None
    text = _running_text(frame)
    if text is None:
        return None
    return (frame.f_code.co_filename, frame.f_lineno, " ".join(text.split()),
            _operands(text) if direct else [])


def _running_text(frame):
    """Return the source of the expression that a frame is computing, or None."""
    positions = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    first, last, start, end = positions
    if None in positions:
        return None
    lines = linecache.getlines(frame.f_code.co_filename)[first - 1:last]
    if len(lines) != last - first + 1:
        return None
    raw = [line.encode() for line in lines]  # columns count bytes
    raw[-1] = raw[-1][:end]
    raw[0] = raw[0][start:]
    return b"".join(raw).decode(errors="replace")


def _operands(text):
    """Return the texts of the operands of an operator, or of the arguments of a call."""
    import ast

    tree = _parsed(f"({text})")
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return []
    expression = tree.body[0].value
    if isinstance(expression, ast.BinOp):
        nodes = [expression.left, expression.right]
    elif isinstance(expression, ast.Compare):
        nodes = [expression.left, *expression.comparators]
    elif isinstance(expression, ast.Call):
        nodes = []
        for node in expression.args:
            nodes += node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
        if isinstance(expression.func, ast.Attribute):
            nodes.insert(0, expression.func.value)
    else:
        nodes = []
    return [ast.unparse(node) for node in nodes if not isinstance(node, ast.Constant)]
