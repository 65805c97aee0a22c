"""A model wrapped for data parallelism; its batches stay whole on one device."""

from ...autograd import Tensor, cat
from ..modules.module import Module

__all__ = ["DataParallel", "data_parallel", "gather", "scatter"]


class DataParallel(Module):
    """Runs the wrapped model; the names in its `state_dict` start with "module.", as in PyTorch.

    Args:
        module: the model.
        device_ids, output_device, dim: accepted; the batch is not divided.

    >>> import ember as torch
    >>> list(torch.nn.DataParallel(torch.nn.Linear(2, 1)).state_dict())
    ['module.weight', 'module.bias']
    """

    def __init__(self, module, device_ids=None, output_device=None, dim=0):
        super().__init__()
        self.module = module
        self.device_ids = list(device_ids or [])
        self.output_device = output_device
        self.dim = dim

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)


def data_parallel(module, inputs, device_ids=None, output_device=None, dim=0,
                  module_kwargs=None):
    """Call a module on inputs; the batch is not divided."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*inputs, **(module_kwargs or {}))


def scatter(inputs, target_gpus, dim=0):
    """Divide tensors (also inside tuples, lists and dicts) evenly among devices.

    Returns:
        A tuple with one structure like `inputs` per device.
    """
    if isinstance(inputs, Tensor):
        parts = inputs.chunk(len(target_gpus), dim)
        return tuple(part.to(device) for part, device in zip(parts, target_gpus))
    if isinstance(inputs, (tuple, list)) and inputs:
        return tuple(type(inputs)(row)
                     for row in zip(*[scatter(item, target_gpus, dim) for item in inputs]))
    if isinstance(inputs, dict) and inputs:
        columns = [scatter(item, target_gpus, dim) for item in inputs.values()]
        return tuple(dict(zip(inputs, row)) for row in zip(*columns))
    return tuple(inputs for _ in target_gpus)


def gather(outputs, target_device, dim=0):
    """Join tensors of several devices on one."""
    return cat([output.to(target_device) for output in outputs], dim)
