"""DistributedDataParallel in a world of one process."""

import contextlib

from ...autograd.notices import say_once
from ..modules.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """Runs the wrapped model; gradients are those of this process only.

    The names in its `state_dict` start with "module.", as in PyTorch. A warning says once that
    nothing is communicated.

    Args:
        module: the model.
        device_ids, output_device, dim, broadcast_buffers, **options: accepted.

    Raises:
        TypeError: `module` is not a Module.
        RuntimeError: no parameter of it requires gradients.

    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.parallel.DistributedDataParallel.html

    >>> import warnings
    >>> import ember as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 1))
    >>> list(model.state_dict())
    ['module.weight', 'module.bias']
    """

    def __init__(self, module, device_ids=None, output_device=None, dim=0,
                 broadcast_buffers=True, **options):
        super().__init__()
        if not isinstance(module, Module):
            raise TypeError(f"DistributedDataParallel wraps a Module, got {type(module).__name__}")
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError("DistributedDataParallel is not needed when a module doesn't have "
                               "any parameter that requires a gradient.")
        say_once("DistributedDataParallel trains in this process only: gradients are not "
                 "exchanged")
        self.module = module
        self.device_ids = device_ids
        self.output_device = output_device
        self.dim = dim
        self.broadcast_buffers = broadcast_buffers
        self.require_backward_grad_sync = True

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)

    @contextlib.contextmanager
    def no_sync(self):
        """Accumulate gradients without exchanging them, which never happens here."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    @contextlib.contextmanager
    def join(self, divide_by_initial_world_size=True, enable=True,
             throw_on_early_termination=False):
        """Wait for processes with more batches; there are none."""
        yield

    def register_comm_hook(self, state, hook):
        """Accept how gradients are to be exchanged, which never happens here."""
