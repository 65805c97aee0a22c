"""`torchsummary`: its call, which prints torchinfo's table.

Source: https://github.com/sksq96/pytorch-summary
"""

from .utils import summary as _summary

__all__ = ["summary"]


def summary(model, input_size, batch_size=-1, device=None):
    """Print a table of a model's layers.

    Args:
        model: the module; it is run once, on random numbers.
        input_size: shape of one sample, without the batch, or a list of shapes.
        batch_size: number of samples; -1 for one.
        device: accepted; the model runs where it is.

    >>> import ember
    >>> summary(ember.nn.Linear(2, 3), (2,))
    =====...
    Linear                                   [1, 3]                    9
    =====...
    """
    shapes = input_size if isinstance(input_size, list) else [input_size]
    _summary(model, [(max(batch_size, 1), *shape) for shape in shapes], verbose=1)
