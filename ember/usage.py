"""Which PyTorch names a program uses, found in its syntax tree without running it."""

import ast
from dataclasses import dataclass

from . import names

__all__ = ["Use", "uses"]

# What a name can stand for besides a dotted PyTorch name.
VALUE = object()  # a value of the program
STRANGER = object()  # a module of somebody else, or what was imported from it

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_OWN_SCOPE = (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)


@dataclass(frozen=True)
class Use:
    """One PyTorch name at one place of a program.

    Attributes:
        name: the dotted name ("torch.nn.Linear"); "torch.Tensor.foo_" for a method of a value
            whose type nobody knows before the run.
        line: the line, from 1.
        optional: whether the program says what to do when the name is missing.
        method: whether this is such a method.
    """

    name: str
    line: int
    optional: bool = False
    method: bool = False


def uses(tree):
    """Return the uses of PyTorch names in a syntax tree, in the order of the text.

    >>> [use.name for use in uses(ast.parse("from torch import nn as n; n.Linear(2, 3)"))]
    ['torch.nn', 'torch.nn.Linear']
    """
    visitor = _Visitor()
    visitor.visit(tree)
    guarded, defined = visitor.guarded, visitor.defined
    found = [Use(u.name, u.line, u.optional or u.name in guarded, u.method)
             for u in visitor.found
             if not (u.method and u.name.rpartition(".")[2] in defined)]
    return sorted(found, key=lambda use: use.line)


class _Visitor(ast.NodeVisitor):
    def __init__(self):
        self.found = []
        self.guarded = set()  # names that the program asks `hasattr` about
        self.defined = set()  # attributes and methods that the program makes itself
        self.scopes = []  # from the outermost in: (is it a class?, {name: meaning})
        self.excused = 0  # how many `try` statements around here catch a missing name

    # -- scopes -------------------------------------------------------------------------------

    def meaning(self, name):
        """Return what a name stands for here; None when nothing in the program binds it."""
        for depth, (is_class, bound) in enumerate(reversed(self.scopes)):
            if name in bound and not (is_class and depth):
                return bound[name]
        return None

    def enter(self, node, parts):
        """Visit `parts` in a new scope made of what they bind."""
        bound = {}
        self.scopes.append((isinstance(node, ast.ClassDef), bound))
        for part in parts:
            self.bind(part, bound)
        for part in parts:
            self.visit(part)
        self.scopes.pop()

    def bind(self, node, bound):
        """Note in `bound` the names that a statement binds in its own scope."""
        for name, meaning in self.bindings(node):
            if bound.get(name, meaning) != meaning:
                meaning = VALUE  # two meanings: nothing can be said about it
            bound[name] = meaning
        if not isinstance(node, _OWN_SCOPE):
            for child in ast.iter_child_nodes(node):
                self.bind(child, bound)

    def bindings(self, node):
        """Yield (name, meaning) for what this one node binds."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imported(node)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                yield target.id, self.chain(node.value) or VALUE
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, VALUE
        elif isinstance(node, ast.arg):
            yield node.arg, VALUE
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, VALUE
        if isinstance(node, ast.For | ast.comprehension | ast.NamedExpr | ast.AugAssign
                      | ast.AnnAssign | ast.AsyncFor | ast.Assign | ast.withitem):
            yield from _targets(node)

    def visit_Module(self, node):
        self.enter(node, node.body)

    def visit_ClassDef(self, node):
        for outside in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(outside)
        self.defined.update(n.name for n in node.body if hasattr(n, "name"))
        self.enter(node, node.body)

    def visit_FunctionDef(self, node):
        arguments = node.args
        outside = [*arguments.defaults, *filter(None, arguments.kw_defaults)]
        for part in (*outside, *getattr(node, "decorator_list", ())):
            self.visit(part)
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs,
                 *filter(None, (arguments.vararg, arguments.kwarg))]
        body = node.body if isinstance(node.body, list) else [node.body]
        self.enter(node, [*every, *filter(None, [getattr(node, "returns", None)]), *body])

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_ListComp(self, node):
        self.enter(node, list(ast.iter_child_nodes(node)))

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp

    # -- uses ---------------------------------------------------------------------------------

    def chain(self, node):
        """Return the PyTorch name that `a.b.c` means, None when it means none."""
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        root = self.meaning(node.id) if isinstance(node, ast.Name) else None
        return ".".join([root, *reversed(parts)]) if isinstance(root, str) else None

    def use(self, name, line, *, optional=False, method=False):
        """Note a use; names with two underscores belong to Python."""
        known = name.split(".__")[0]
        self.found.append(Use(known, line, optional or self.excused > 0, method))

    def visit_Import(self, node):
        for alias in node.names:
            if _is_pytorch(alias.name):
                self.use(alias.name, node.lineno)

    def visit_ImportFrom(self, node):
        if not node.level and _is_pytorch(node.module):
            for alias in node.names:
                name = node.module if alias.name == "*" else f"{node.module}.{alias.name}"
                self.use(name, node.lineno)

    def visit_Attribute(self, node):
        name = self.chain(node)
        if name is not None:
            self.use(name, node.lineno)
            return
        if isinstance(node.ctx, ast.Store):
            self.defined.add(node.attr)
        self.generic_visit(node)

    def visit_Name(self, node):
        meaning = self.meaning(node.id)
        if isinstance(meaning, str) and "." in meaning:
            self.use(meaning, node.lineno)

    def visit_Call(self, node):
        function = node.func
        if isinstance(function, ast.Name) and function.id in ("hasattr", "getattr"):
            self.ask(function.id, node)
        elif isinstance(function, ast.Attribute) and self.chain(function) is None:
            root = function
            while isinstance(root, ast.Attribute):
                root = root.value
            if not (isinstance(root, ast.Name) and self.meaning(root.id) is STRANGER):
                self.use(f"torch.Tensor.{function.attr}", function.end_lineno, method=True)
        self.generic_visit(node)

    def ask(self, function, node):
        """Note `hasattr(torch, "foo")` and `getattr(torch, "foo")`."""
        if len(node.args) < 2 or not isinstance(node.args[1], ast.Constant):
            return
        place = self.chain(node.args[0])
        if place is None:
            return
        name = f"{place}.{node.args[1].value}"
        if function == "hasattr":
            self.guarded.add(name)
        else:
            self.use(name, node.lineno, optional=len(node.args) == 3)

    def visit_Try(self, node):
        excused = _catches_missing(node)
        self.excused += excused
        for part in node.body:
            self.visit(part)
        self.excused -= excused
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)


def _is_pytorch(module):
    return module is not None and module.partition(".")[0] in names.ROOTS


def _imported(node):
    """Yield (name, meaning) for an import statement."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            root = alias.name.partition(".")[0]
            meaning = alias.name if alias.asname else root
            yield alias.asname or root, meaning if _is_pytorch(root) else STRANGER
        elif node.level or not _is_pytorch(node.module):
            yield alias.asname or alias.name, STRANGER
        elif alias.name == "*":
            for name in names.pytorch_names().get(node.module, ()):
                yield name, f"{node.module}.{name}"
        else:
            yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _targets(node):
    """Yield (name, VALUE) for the plain names that a statement assigns to."""
    single = getattr(node, "target", None) or getattr(node, "optional_vars", None)
    targets = getattr(node, "targets", None) or [single]
    if isinstance(node, ast.Assign) and len(targets) == 1 and isinstance(targets[0], ast.Name):
        return
    for target in filter(None, targets):
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id, VALUE


def _catches_missing(node):
    """Return whether a `try` statement is there for names that may be missing."""
    caught = set()
    for handler in node.handlers:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        caught.update(getattr(kind, "id", "everything") for kind in kinds)
    if caught & {"ImportError", "ModuleNotFoundError", "AttributeError"}:
        return True
    only_imports = all(isinstance(part, ast.Import | ast.ImportFrom) for part in node.body)
    return only_imports and bool(caught & {"Exception", "everything"})
