"""What a transform is, and transforms made of others."""

from ...autograd import Size, zeros_like
from .. import constraints
from ..utils import lazy_property, sum_rightmost

__all__ = ["ComposeTransform", "IndependentTransform", "ReshapeTransform", "Transform",
           "identity_transform"]


class Transform:
    """Base class of invertible functions that know the determinant of their Jacobian.

    A subclass defines `_call` and `_inverse`, and `log_abs_det_jacobian` if it is bijective.

    Args:
        cache_size: 1 to remember the last pair (x, y): the inverse of y is x itself then.

    Attributes:
        domain, codomain: the constraints on x and y.
        bijective: whether the inverse is one.
        sign: +1 or −1, rising or falling.

    Raises:
        ValueError: for another cache size.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#module-torch.distributions.transforms
    """

    bijective = False
    domain: constraints.Constraint
    codomain: constraints.Constraint

    def __init__(self, cache_size=0):
        if cache_size not in (0, 1):
            raise ValueError("cache_size must be 0 or 1")
        self._cache_size = cache_size
        self._cached_x_y = None, None
        self._inv = None

    @property
    def event_dim(self):
        """How many of the last dimensions are transformed together."""
        if self.domain.event_dim == self.codomain.event_dim:
            return self.domain.event_dim
        raise ValueError("Please use either .domain.event_dim or .codomain.event_dim")

    @property
    def inv(self):
        """The inverse transform, whose own inverse is this object."""
        if self._inv is None:
            self._inv = _InverseTransform(self)
        return self._inv

    @property
    def sign(self):
        """The sign of the derivative."""
        raise NotImplementedError

    def with_cache(self, cache_size=1):
        """Return the transform with this cache size."""
        if self._cache_size == cache_size:
            return self
        return self._again(cache_size)

    def _again(self, cache_size):
        if type(self).__init__ is not Transform.__init__:
            raise NotImplementedError(f"{type(self)}.with_cache is not implemented")
        return type(self)(cache_size=cache_size)

    def __call__(self, x):
        """Return y for x."""
        known, y = self._cached_x_y
        if known is None or x is not known:
            y = self._call(x)
            self._remember(x, y)
        return y

    def _inv_call(self, y):
        x, known = self._cached_x_y
        if known is None or y is not known:
            x = self._inverse(y)
            self._remember(x, y)
        return x

    def _remember(self, x, y):
        if self._cache_size:
            self._cached_x_y = x, y

    def _call(self, x):
        raise NotImplementedError

    def _inverse(self, y):
        raise NotImplementedError

    def log_abs_det_jacobian(self, x, y):
        """Return ln |dy/dx| at x, where the transform gives y."""
        raise NotImplementedError

    def forward_shape(self, shape):
        """Return the shape of y for a shape of x."""
        return shape

    def inverse_shape(self, shape):
        """Return the shape of x for a shape of y."""
        return shape

    def __eq__(self, other):
        return self is other

    def __repr__(self):
        return type(self).__name__ + "()"


class _InverseTransform(Transform):
    """The other direction of a transform, which is its `inv`."""

    def __init__(self, transform):
        super().__init__(cache_size=transform._cache_size)
        self._inv = transform

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        return self.inv.codomain

    @constraints.dependent_property(is_discrete=False)
    def codomain(self):
        return self.inv.domain

    @property
    def bijective(self):
        return self.inv.bijective

    @property
    def sign(self):
        return self.inv.sign

    def with_cache(self, cache_size=1):
        return self.inv.with_cache(cache_size).inv

    def __eq__(self, other):
        return isinstance(other, _InverseTransform) and self.inv == other.inv

    def __repr__(self):
        return f"{type(self).__name__}({self.inv!r})"

    def __call__(self, x):
        return self.inv._inv_call(x)

    def log_abs_det_jacobian(self, x, y):
        return -self.inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape):
        return self.inv.inverse_shape(shape)

    def inverse_shape(self, shape):
        return self.inv.forward_shape(shape)


class ComposeTransform(Transform):
    """Transforms one after another.

    Args:
        parts: the transforms, the first to be applied first.
        cache_size: of each of them.

    >>> import ember
    >>> from ember.distributions import AffineTransform, ComposeTransform, ExpTransform
    >>> ComposeTransform([AffineTransform(1, 2), ExpTransform()])(ember.tensor(0.0))
    tensor(2.7183)
    """

    def __init__(self, parts, cache_size=0):
        super().__init__(cache_size=cache_size)
        self.parts = [p.with_cache(cache_size) for p in parts] if cache_size else parts

    def __eq__(self, other):
        return isinstance(other, ComposeTransform) and self.parts == other.parts

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        if not self.parts:
            return constraints.real
        event_dim = self.parts[-1].codomain.event_dim
        for part in reversed(self.parts):
            event_dim += part.domain.event_dim - part.codomain.event_dim
            event_dim = max(event_dim, part.domain.event_dim)
        return _widened(self.parts[0].domain, event_dim)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self):
        if not self.parts:
            return constraints.real
        event_dim = self.parts[0].domain.event_dim
        for part in self.parts:
            event_dim += part.codomain.event_dim - part.domain.event_dim
            event_dim = max(event_dim, part.codomain.event_dim)
        return _widened(self.parts[-1].codomain, event_dim)

    @lazy_property
    def bijective(self):
        return all(p.bijective for p in self.parts)

    @lazy_property
    def sign(self):
        sign = 1
        for part in self.parts:
            sign = sign * part.sign
        return sign

    @property
    def inv(self):
        if self._inv is None:
            self._inv = ComposeTransform([p.inv for p in reversed(self.parts)])
            self._inv._inv = self
        return self._inv

    def _again(self, cache_size):
        return ComposeTransform(self.parts, cache_size)

    def __call__(self, x):
        for part in self.parts:
            x = part(x)
        return x

    def log_abs_det_jacobian(self, x, y):
        if not self.parts:
            return zeros_like(x)
        total, event_dim = 0, self.domain.event_dim
        for number, part in enumerate(self.parts, 1):
            last = number == len(self.parts)
            after = y if last else part(x)
            term = part.log_abs_det_jacobian(x, after)
            total = total + sum_rightmost(term, event_dim - part.domain.event_dim)
            event_dim += part.codomain.event_dim - part.domain.event_dim
            x = after
        return total

    def forward_shape(self, shape):
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape):
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self):
        return type(self).__name__ + "(\n    " + ",\n    ".join(map(repr, self.parts)) + "\n)"


identity_transform = ComposeTransform([])


def _widened(constraint, event_dim):
    """A constraint on events of event_dim dimensions."""
    more = event_dim - constraint.event_dim
    return constraints.independent(constraint, more) if more else constraint


class IndependentTransform(Transform):
    """A transform of each element of some more dimensions: their determinants are multiplied.

    Args:
        base_transform: the transform.
        reinterpreted_batch_ndims: how many more dimensions.
        cache_size: as for `Transform`.
    """

    def __init__(self, base_transform, reinterpreted_batch_ndims, cache_size=0):
        super().__init__(cache_size=cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    def _again(self, cache_size):
        return IndependentTransform(self.base_transform, self.reinterpreted_batch_ndims, cache_size)

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self):
        return constraints.independent(self.base_transform.codomain,
                                       self.reinterpreted_batch_ndims)

    @property
    def bijective(self):
        return self.base_transform.bijective

    @property
    def sign(self):
        return self.base_transform.sign

    def _call(self, x):
        check_dims(x.shape, self.domain.event_dim)
        return self.base_transform(x)

    def _inverse(self, y):
        check_dims(y.shape, self.codomain.event_dim)
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x, y):
        return sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y),
                             self.reinterpreted_batch_ndims)

    def forward_shape(self, shape):
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape):
        return self.base_transform.inverse_shape(shape)

    def __repr__(self):
        return (f"{type(self).__name__}({self.base_transform!r}, "
                f"{self.reinterpreted_batch_ndims})")


class ReshapeTransform(Transform):
    """Events of another shape, with the same elements.

    Args:
        in_shape, out_shape: the event shapes of x and y.
        cache_size: as for `Transform`.
    Raises:
        ValueError: when they have different numbers of elements.
    """

    bijective = True

    def __init__(self, in_shape, out_shape, cache_size=0):
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError("in_shape, out_shape have different numbers of elements")
        super().__init__(cache_size=cache_size)

    @constraints.dependent_property
    def domain(self):
        return constraints.independent(constraints.real, len(self.in_shape))

    @constraints.dependent_property
    def codomain(self):
        return constraints.independent(constraints.real, len(self.out_shape))

    def _again(self, cache_size):
        return ReshapeTransform(self.in_shape, self.out_shape, cache_size)

    def _call(self, x):
        return x.reshape(x.shape[: x.ndim - len(self.in_shape)] + self.out_shape)

    def _inverse(self, y):
        return y.reshape(y.shape[: y.ndim - len(self.out_shape)] + self.in_shape)

    def log_abs_det_jacobian(self, x, y):
        return x.new_zeros(x.shape[: x.ndim - len(self.in_shape)])

    def forward_shape(self, shape):
        return _swap_end(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape):
        return _swap_end(shape, self.out_shape, self.in_shape)


def _swap_end(shape, old, new):
    check_dims(shape, len(old))
    cut = len(shape) - len(old)
    if shape[cut:] != old:
        raise ValueError(f"Shape mismatch: expected {shape[cut:]} but got {old}")
    return shape[:cut] + new


def check_dims(shape, needed):
    """Raise ValueError when a shape has fewer dimensions than needed."""
    if len(shape) < needed:
        raise ValueError("Too few dimensions on input")
