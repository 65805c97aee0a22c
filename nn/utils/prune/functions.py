"""Pruning by one call: each applies a method to a parameter of a module.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#utilities
"""

from collections.abc import Iterable

from ....autograd import ones_like
from ..convert_parameters import parameters_to_vector
from .base import BasePruningMethod, PruningContainer, hook_of
from .methods import (
    CustomFromMask,
    Identity,
    L1Unstructured,
    LnStructured,
    RandomStructured,
    RandomUnstructured,
)

__all__ = ["custom_from_mask", "global_unstructured", "identity", "is_pruned",
           "l1_unstructured", "ln_structured", "random_structured", "random_unstructured",
           "remove"]


def identity(module, name):
    """Give a parameter a mask of ones; return the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module, name, amount):
    """Prune entries of a parameter drawn at random; return the module."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module, name, amount, importance_scores=None):
    """Prune the entries of a parameter that are least in magnitude; return the module.

    Args:
        amount: how many entries (int) or which share of them (float in [0, 1]).
        importance_scores: ranks the entries instead of their values.

    >>> import ember as torch
    >>> layer = torch.nn.utils.prune.l1_unstructured(torch.nn.Linear(10, 10), "weight", 0.3)
    >>> int((layer.weight == 0).sum()), sorted(layer.state_dict())
    (30, ['bias', 'weight_mask', 'weight_orig'])
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module, name, amount, dim):
    """Prune slices of a parameter along a dimension drawn at random; return the module."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module, name, amount, n, dim, importance_scores=None):
    """Prune the slices of a parameter that have the least L_n norm; return the module."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module, name, mask):
    """Prune a parameter where a mask is zero; return the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(parameters, pruning_method, importance_scores=None, **kwargs):
    """Prune entries ranked over several parameters together.

    Args:
        parameters: pairs (module, name).
        pruning_method: an unstructured method, such as `L1Unstructured`.
        importance_scores: a dict from such pairs to scores.
        **kwargs: for the method, such as `amount`.

    Raises:
        TypeError: the arguments have the wrong types, or the method is not unstructured.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    parameters = list(parameters)
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    method = PruningContainer()
    method._tensor_name = "temp"
    single = pruning_method(**kwargs)
    single._tensor_name = "temp"
    if single.PRUNING_TYPE != "unstructured":
        raise TypeError('Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. '
                        f"Found method {pruning_method} of type {single.PRUNING_TYPE}")
    method.add_pruning_method(single)
    tensors = [getattr(module, name) for module, name in parameters]
    ranks = [scores.get(pair, tensor) for pair, tensor in zip(parameters, tensors)]
    masks = [getattr(module, name + "_mask", ones_like(tensor))
             for (module, name), tensor in zip(parameters, tensors)]
    final = method.compute_mask(parameters_to_vector(ranks).detach(),
                                parameters_to_vector(masks))
    start = 0
    for (module, name), tensor in zip(parameters, tensors):
        size = tensor.numel()
        custom_from_mask(module, name, mask=final[start:start + size].view_as(tensor))
        start += size


def remove(module, name):
    """Make the pruning of a parameter permanent; return the module.

    Raises:
        ValueError: it is not pruned.
    """
    found = hook_of(module, name)
    if found is None:
        raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before "
                         "pruning can be removed")
    key, hook = found
    hook.remove(module)
    del module._forward_pre_hooks[key]
    return module


def is_pruned(module):
    """Return whether anything in a module or below it is pruned.

    >>> import ember as torch
    >>> torch.nn.utils.prune.is_pruned(torch.nn.Linear(2, 2))
    False
    """
    return any(isinstance(hook, BasePruningMethod) for inner in module.modules()
               for hook in inner._forward_pre_hooks.values())
