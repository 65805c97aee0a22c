"""Einstein summation, as a series of matrix products."""

import re
import string

from ..op import op

_LETTERS = string.ascii_uppercase + string.ascii_lowercase
_TERM = re.compile(r"([A-Za-z]*)(\.\.\.)?([A-Za-z]*)")


def _contract(xp, operands, terms, output):
    """Multiply operands pair by pair, summing each label once nobody needs it any more.

    Args:
        terms: the labels of each operand, all different within one; output: of the result.
    """
    result, labels = operands[0], terms[0]
    for i in range(1, len(operands)):
        needed = set(output).union(*terms[i + 1:])
        result, labels = _pair(xp, result, labels, operands[i], terms[i], needed)
    order = [labels.index(c) for c in output]
    return result if order == sorted(order) else xp.transpose(result, order)


def _pair(xp, a, a_labels, b, b_labels, needed):
    """Return the product of two operands, and its labels."""
    size = dict(zip(a_labels + b_labels, tuple(a.shape) + tuple(b.shape)))
    both = [c for c in a_labels if c in b_labels]
    batch = [c for c in both if c in needed]
    summed = [c for c in both if c not in needed]
    rows = [c for c in a_labels if c not in both]
    columns = [c for c in b_labels if c not in both]
    count = {}
    for name, group in (("k", summed), ("n", rows), ("m", columns)):
        count[name] = 1
        for c in group:
            count[name] *= size[c]
    lead = tuple([size[c] for c in batch])
    left = _arranged(xp, a, a_labels, batch + rows + summed).reshape(
        lead + (count["n"], count["k"]))
    right = _arranged(xp, b, b_labels, batch + summed + columns).reshape(
        lead + (count["k"], count["m"]))
    product = xp.matmul(left, right) if summed else left * right
    labels = batch + rows + columns
    return product.reshape(tuple([size[c] for c in labels])), "".join(labels)


def _arranged(xp, x, labels, order):
    places = [labels.index(c) for c in order]
    return x if places == sorted(places) else xp.transpose(x, places)


@op(name="einsum", label="einsum", cast="promote", lists=("operands",), namespaces=("torch",),
    derivative="einsum of g with the other operands", dtypes="number -> promoted")
def _einsum(xp, operands, terms, output):
    """Sum of products of elements, described by a letter for each dimension."""
    result = _contract(xp, operands, terms, output)
    return result.copy() if len(operands) == 1 else result


def _einsum_operands(xp, g, operands, terms, output):
    grads = []
    for i, term in enumerate(terms):
        others = [*operands[:i], *operands[i + 1:]]
        labels = [*terms[:i], *terms[i + 1:]]
        grads.append(_contract(xp, [g, *others], [output, *labels], term))
    return grads


_einsum.vjp("operands", _einsum_operands)


@_einsum.op.public
def einsum(equation, *operands):
    """Return the sum of products of elements that an equation such as "ij,jk->ik" describes.

    Each operand has one letter per dimension; dimensions with the same letter run together, and
    those the output does not name are summed. "..." stands for any further dimensions. Without
    "->" the output has the letters that occur once, in alphabetical order.

    Args:
        equation: the letters; or operands and lists of numbers in turns, the output's list last.
    Shape: as the equation says.
    Raises:
        RuntimeError: when the equation and the operands do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.einsum.html

    >>> import ember
    >>> ember.einsum("ij,j->i", ember.tensor([[1., 2.], [3., 4.]]), ember.tensor([1., 1.]))
    tensor([3., 7.])
    """
    if not isinstance(equation, str):
        equation, operands = _from_sublists((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = operands[0]
    terms, output = _parse(equation, operands)
    sizes = _sizes(equation, terms, operands)
    _check_output(equation, output, terms)
    pairs = [_narrowed(t, term, sizes) for t, term in zip(operands, terms)]
    terms = [term for _, term in pairs]
    pairs = [_summed(t, term, output, terms[:i] + terms[i + 1:])
             for i, (t, term) in enumerate(pairs)]
    return _einsum([t for t, _ in pairs], [term for _, term in pairs], output)


def _from_sublists(args):
    operands, lists = args[0::2], args[1::2]
    if len(args) % 2:
        operands, lists = args[0:-1:2], (*args[1::2], args[-1])
    terms = ["".join("..." if n is Ellipsis else _LETTERS[n] for n in numbers) for numbers in lists]
    output = "->" + terms.pop() if len(args) % 2 else ""
    return ",".join(terms) + output, operands


def _parse(equation, operands):
    """Return the letters of each operand and of the output, with "..." spelled out."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(operands):
        few = "fewer" if len(parts) > len(operands) else "more"
        raise RuntimeError(f"einsum(): {few} operands were provided than specified in the equation "
                           f"'{equation}'")
    free = [c for c in reversed(_LETTERS) if c not in equation]
    widths, matches = [], []
    for number, (part, t) in enumerate(zip(parts, operands)):
        match = _matched(part, equation)
        width = t.ndim - len(match[1]) - len(match[3])
        if width < 0 or (width and not match[2]):
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({t.ndim - width}) does not "
                f"match the number of dimensions ({t.ndim}) for operand {number} and no ellipsis "
                "was given")
        widths.append(width)
        matches.append(match)
    dots = "".join(free[:max(widths)])
    terms = [m[1] + (dots[len(dots) - w:] if m[2] else "") + m[3]
             for m, w in zip(matches, widths)]
    if arrow:
        match = _matched(right, equation)
        return terms, match[1] + (dots if match[2] else "") + match[3]
    letters = "".join(m[1] + m[3] for m in matches)
    return terms, dots + "".join(c for c in sorted(set(letters)) if letters.count(c) == 1)


def _matched(part, equation):
    match = _TERM.fullmatch(part)
    if match is None:
        raise RuntimeError(f"einsum(): invalid subscript given in '{equation}' at '{part}', "
                           "subscripts must be in [a-zA-Z] or '...'")
    return match


def _sizes(equation, terms, operands):
    sizes = {}
    for number, (term, t) in enumerate(zip(terms, operands)):
        for c, n in zip(term, t.shape):
            if sizes.get(c, 1) == 1:
                sizes[c] = n
            elif n not in (1, sizes[c]):
                raise RuntimeError(
                    f"einsum(): subscript {c} has size {n} for operand {number} of "
                    f"'{equation}' which does not broadcast with previously seen size {sizes[c]}")
    return sizes


def _check_output(equation, output, terms):
    for c in output:
        if output.count(c) > 1:
            raise RuntimeError(f"einsum(): output subscript {c} appears more than once in the "
                               f"output of '{equation}'")
        if not any(c in term for term in terms):
            raise RuntimeError(f"einsum(): output subscript {c} does not appear in the equation "
                               f"for any input operand of '{equation}'")


def _narrowed(t, term, sizes):
    """Take the diagonals of repeated letters and drop dimensions that broadcast."""
    for c in sorted(set(term)):
        while term.count(c) > 1:
            i = term.index(c)
            j = term.index(c, i + 1)
            if t.shape[i] != t.shape[j]:
                raise RuntimeError(f"einsum(): subscript {c} is repeated for one operand but the "
                                   f"sizes don't match, {t.shape[j]} != {t.shape[i]}")
            t = t.diagonal(0, i, j)
            term = term[:i] + term[i + 1:j] + term[j + 1:] + c
    for c in term:
        i = term.index(c)
        if t.shape[i] == 1 != sizes[c]:
            t, term = t.squeeze(i), term.replace(c, "")
    return t, term


def _summed(t, term, output, others):
    """Sum the dimensions that only this operand has."""
    alone = [i for i, c in enumerate(term)
             if c not in output and not any(c in other for other in others)]
    if alone:
        t = t.sum(alone)
        term = "".join(c for i, c in enumerate(term) if i not in alone)
    return t, term
