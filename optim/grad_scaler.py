"""Gradient scaling: losses multiplied so that float16 gradients do not vanish.

PyTorch page: https://docs.pytorch.org/docs/2.13/amp.html#gradient-scaling
"""

import warnings
from collections import defaultdict
from enum import Enum

from .. import backends
from ..autograd import Tensor, dtypes, no_grad
from ..autograd.creation import full
from ..autograd.ops.joining import stack

__all__ = ["GradScaler", "OptState"]


class OptState(Enum):
    """What was done for an optimizer since the last `update`."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


class GradScaler:
    """Scales losses, unscales gradients, and skips steps whose gradients overflowed.

    The scale shrinks by `backoff_factor` after an overflow and grows by `growth_factor` after
    `growth_interval` steps without one.

    Args:
        device: where the losses live; "cuda" without a usable GPU switches the scaler off.
        init_scale, growth_factor, backoff_factor, growth_interval: see above.
        enabled: False makes every method pass its argument through.

    Source: https://docs.pytorch.org/docs/2.13/amp.html#torch.amp.GradScaler

    >>> import ember as torch
    >>> w = torch.nn.Parameter(torch.ones(1))
    >>> optimizer, scaler = torch.optim.SGD([w], lr=0.5), torch.amp.GradScaler("cpu")
    >>> scaler.scale((w * 2).sum()).backward()
    >>> _ = scaler.step(optimizer)
    >>> scaler.update()
    >>> w.item(), scaler.get_scale()
    (0.0, 65536.0)
    """

    def __init__(self, device="cuda", init_scale=2.0**16, growth_factor=2.0, backoff_factor=0.5,
                 growth_interval=2000, enabled=True):
        if device == "cuda" and enabled and not backends.is_available("cuda"):
            warnings.warn("torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  "
                          "Disabling.", stacklevel=2)
            enabled = False
        if enabled and growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if enabled and backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._device = device
        self._enabled = enabled
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._init_scale = init_scale
        self._scale = None  # a tensor from the first `scale` on
        self._growth_tracker = 0  # steps without an overflow
        self._forget_optimizers()

    def _forget_optimizers(self):
        self._stages = defaultdict(lambda: OptState.READY)
        self._overflowed = {}  # per optimizer: 1.0 when a gradient was not finite

    # -- the training loop ----------------------------------------------------------------------

    def scale(self, outputs):
        """Return a loss (or losses, in tuples and lists) times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            self._start(outputs.device)
            return outputs * self._scale.to(outputs.device)
        if isinstance(outputs, (list, tuple)):
            scaled = [self.scale(output) for output in outputs]
            is_named = hasattr(outputs, "_fields")
            return type(outputs)(*scaled) if is_named else type(outputs)(scaled)
        if hasattr(outputs, "__iter__"):
            return map(self.scale, outputs)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def _start(self, device):
        if self._scale is None:
            self._scale = full((), self._init_scale, device=device)

    def unscale_(self, optimizer):
        """Divide the gradients of an optimizer's parameters by the scale, in place.

        Needed before gradients are looked at or clipped; `step` does it otherwise.

        Raises:
            RuntimeError: it was done already since the last `update`.
            ValueError: a gradient is float16.
        """
        if not self._enabled:
            return
        self._require_scale("unscale_")
        if self._stages[optimizer] is OptState.UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update().")
        if self._stages[optimizer] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        self._overflowed[optimizer] = self._unscale_grads_(optimizer)
        self._stages[optimizer] = OptState.UNSCALED

    def _unscale_grads_(self, optimizer):
        """Unscale the gradients; return 1.0 when one was not finite, as a tensor, else 0.0."""
        grads = [p.grad for group in optimizer.param_groups for p in group["params"]
                 if p.grad is not None]
        if any(grad.dtype is dtypes.float16 for grad in grads):
            raise ValueError("Attempting to unscale FP16 gradients.")
        if not grads:
            return None
        with no_grad():
            inverse = (1.0 / self._scale.double()).float()
            finite = []
            for grad in grads:
                finite.append(grad.isfinite().all().to(self._scale.device))
                grad.mul_(inverse.to(grad.device))
            return 1.0 - stack(finite).all().float()

    def step(self, optimizer, *args, **kwargs):
        """Step the optimizer unless a gradient is infinite or NaN; return what it returns.

        Raises:
            RuntimeError: it was stepped already since the last `update`, is given a closure, or
                has no gradients.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._require_scale("step")
        if self._stages[optimizer] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if self._stages[optimizer] is OptState.READY:
            self.unscale_(optimizer)
        if self._overflowed[optimizer] is None:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = None
        if not self._overflowed[optimizer].item():
            result = optimizer.step(*args, **kwargs)
        self._stages[optimizer] = OptState.STEPPED
        return result

    def update(self, new_scale=None):
        """Adapt the scale to whether there were overflows; or set it to a number or tensor.

        Raises:
            AssertionError: no optimizer was stepped or unscaled.
        """
        if not self._enabled:
            return
        self._require_scale("update")
        if new_scale is not None:
            self._scale.fill_(new_scale.item() if isinstance(new_scale, Tensor) else new_scale)
        else:
            found = [o for o in self._overflowed.values() if o is not None]
            if not found:
                raise AssertionError("No inf checks were recorded prior to update.")
            self._adapt(any(overflow.item() for overflow in found))
        self._forget_optimizers()

    def _adapt(self, overflowed):
        if overflowed:
            self._scale.mul_(self._backoff_factor)
            self._growth_tracker = 0
            return
        self._growth_tracker += 1
        if self._growth_tracker == self._growth_interval:
            grown = self._scale * self._growth_factor
            if grown.isfinite().item():
                self._scale.copy_(grown)
            self._growth_tracker = 0

    def _require_scale(self, what):
        if self._scale is None:
            raise AssertionError(f"Attempted {what} but _scale is None.  This may indicate your "
                                 "script did not use scaler.scale(loss or outputs) earlier in the "
                                 "iteration.")

    # -- what it is set to ----------------------------------------------------------------------

    def is_enabled(self):
        """Return whether the scaler does anything."""
        return self._enabled

    def get_scale(self):
        """Return the scale as a number; 1.0 when the scaler is off."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else self._scale.item()

    def get_growth_factor(self):
        """Return what the scale grows by."""
        return self._growth_factor

    def set_growth_factor(self, new_factor):
        """Set what the scale grows by."""
        self._growth_factor = new_factor

    def get_backoff_factor(self):
        """Return what the scale shrinks by."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor):
        """Set what the scale shrinks by."""
        self._backoff_factor = new_factor

    def get_growth_interval(self):
        """Return after how many steps without overflow the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval):
        """Set after how many steps without overflow the scale grows."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self):
        return self._growth_tracker

    def state_dict(self):
        """Return the scale and its rules; an empty dict when the scaler is off."""
        if not self._enabled:
            return {}
        return {"scale": self.get_scale(), "growth_factor": self._growth_factor,
                "backoff_factor": self._backoff_factor,
                "growth_interval": self._growth_interval,
                "_growth_tracker": self._growth_tracker}

    def load_state_dict(self, state_dict):
        """Take over what `state_dict` returned.

        Raises:
            RuntimeError: the state is empty: it was saved by a scaler that was off.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("The source state dict is empty, possibly because it was saved "
                               "from a disabled instance of GradScaler.")
        self._init_scale = state_dict["scale"]
        if self._scale is not None:
            self._scale.fill_(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]
