"""Nested tuples, lists and dicts of values, taken apart and put together again."""

__all__ = ["LEAF", "flatten", "flatten_like", "map_leaves", "unflatten"]

LEAF = "*"


def flatten(tree):
    """Return the leaves of a nested structure and a description of the rest.

    >>> flatten({"a": 1, "b": (2, 3)})
    ([1, 2, 3], (<class 'dict'>, ('a', 'b'), ('*', (<class 'tuple'>, None, ('*', '*')))))
    """
    leaves = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree, leaves):
    if isinstance(tree, dict):
        return type(tree), tuple(tree), tuple([_flatten(v, leaves) for v in tree.values()])
    if isinstance(tree, list) or isinstance(tree, tuple) and (
            type(tree) is tuple or hasattr(tree, "_fields")):
        return type(tree), None, tuple([_flatten(v, leaves) for v in tree])
    leaves.append(tree)
    return LEAF


def unflatten(leaves, spec):
    """Return the structure that `flatten` described, with other leaves.

    >>> unflatten([5, 6], flatten([1, (2,)])[1])
    [5, (6,)]
    """
    return _unflatten(iter(leaves), spec)


def _unflatten(leaves, spec):
    if spec is LEAF:
        return next(leaves)
    kind, keys, children = spec
    values = [_unflatten(leaves, child) for child in children]
    if keys is not None:
        return kind(zip(keys, values))
    return kind(*values) if hasattr(kind, "_fields") else kind(values)


def flatten_like(tree, spec):
    """Return one leaf of `tree` per leaf of `spec`; a leaf above a subtree counts for all of it.

    Returns:
        A list, or None when the structures do not fit.

    >>> flatten_like((0, None), flatten(([7, 8], 9))[1])
    [0, 0, None]
    """
    if spec is LEAF:
        return None if isinstance(tree, (tuple, list, dict)) else [tree]
    kind, keys, children = spec
    if not isinstance(tree, (tuple, list, dict)):
        return [leaf for child in children for leaf in flatten_like(tree, child)]
    if type(tree) is not kind or len(tree) != len(children) or (
            keys is not None and set(tree) != set(keys)):
        return None
    found = []
    for part, child in zip(tree if keys is None else [tree[k] for k in keys], children):
        leaves = flatten_like(part, child)
        if leaves is None:
            return None
        found += leaves
    return found


def map_leaves(function, tree):
    """Return the structure with a function applied to each leaf."""
    leaves, spec = flatten(tree)
    return unflatten([function(leaf) for leaf in leaves], spec)
