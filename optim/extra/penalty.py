"""Penalties that are added to a loss: on weights, biases and activations."""


def l1(strength):
    """Return a function from a tensor to strength · Σ|x|, which drives elements to zero (lasso).

    >>> import ember
    >>> ember.optim.extra.l1(0.5)(ember.tensor([1.0, -3.0]))
    tensor(2.)
    """
    return lambda x: strength * x.abs().sum()


def l2(strength):
    """Return a function from a tensor to strength · Σx², which shrinks elements (ridge).

    >>> import ember
    >>> ember.optim.extra.l2(0.5)(ember.tensor([1.0, -3.0]))
    tensor(5.)
    """
    return lambda x: strength * (x * x).sum()


class Penalty:
    """The penalties of a model, as Keras's kernel, bias and activity regularizers.

    Call it for the sum of all of them, after the forward pass whose activations it shall see.

    Args:
        model: a module; its layers are those that have a parameter called ``weight``.
        kernel: a function from a tensor to a 0-d tensor, summed over the layers' weights with
            two or more dimensions (those of normalization layers have one); None for nothing.
        bias: the same for parameters called ``bias``.
        activity: the same for the layers' outputs, divided by the size of the batch.

    Source: https://keras.io/api/layers/regularizers/

    >>> import ember
    >>> from ember.optim.extra import Penalty, l1, l2
    >>> layer = ember.nn.Linear(2, 1)
    >>> layer.weight.data, layer.bias.data = ember.tensor([[1.0, -2.0]]), ember.tensor([3.0])
    >>> penalty = Penalty(layer, kernel=l1(0.1), bias=l2(0.01), activity=l1(0.5))
    >>> output = layer(ember.tensor([[1.0, 1.0], [0.0, 0.0]]))  # 2 and 3
    >>> penalty()  # 0.1 · (1 + 2)  +  0.01 · 3²  +  0.5 · (2 + 3) / 2
    tensor(1.6400, grad_fn=<AddBackward0>)
    >>> loss = output.square().mean() + penalty()
    >>> loss.backward()
    """

    def __init__(self, model, kernel=None, bias=None, activity=None):
        self._terms = []
        self._activities = {}
        self._handles = []
        for layer in model.modules():
            own = dict(layer.named_parameters(recurse=False))
            if kernel is not None and "weight" in own and own["weight"].ndim > 1:
                self._terms.append((kernel, layer, "weight"))
            if bias is not None and "bias" in own:
                self._terms.append((bias, layer, "bias"))
            if activity is not None and "weight" in own:
                self._handles.append(layer.register_forward_hook(self._watch(activity)))

    def _watch(self, activity):
        def remember(layer, args, output):
            self._activities[layer] = activity(output) / max(1, len(output))

        return remember

    def __call__(self):
        """Return the sum of the penalties, a 0-d tensor (0.0 where there are none)."""
        terms = [function(getattr(layer, name)) for function, layer, name in self._terms]
        return sum([*terms[1:], *self._activities.values()], start=terms[0] if terms else 0.0)

    def remove(self):
        """Stop watching the layers' outputs."""
        for handle in self._handles:
            handle.remove()
        self._activities.clear()
