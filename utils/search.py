"""Search for hyperparameters: every combination of a grid, or random samples."""

import itertools
import math
import random
from typing import Any, NamedTuple


class Trial(NamedTuple):
    """One evaluated choice: the keyword arguments, and what the function returned for them."""

    params: dict[str, Any]
    score: float


def uniform(low, high):
    """Return a random choice of numbers from low to high, for `random_search`."""
    return lambda rng: rng.uniform(low, high)


def log_uniform(low, high):
    """Return a random choice of numbers from low to high whose logarithm is uniform.

    Raises:
        ValueError: unless 0 < low <= high.
    """
    if not 0 < low <= high:
        raise ValueError(f"log_uniform needs 0 < low <= high, but got {low} and {high}")
    return lambda rng: math.exp(rng.uniform(math.log(low), math.log(high)))


def grid_search(function, grid, *, mode="min", progress=False):
    """Call a function with every combination of values; return the trials, best first.

    Args:
        function: takes the names of the grid as keyword arguments, returns a score.
        grid: a dict from names to the values to try.
        mode: ``"min"`` when a smaller score is better, ``"max"`` when a larger one is. NaN is
            worse than any number.
        progress: show a bar (needs tqdm).

    Raises:
        ValueError: an unknown mode.

    >>> from ember.utils.search import grid_search
    >>> trials = grid_search(lambda a, b: (a - 2) ** 2 + b, {"a": [1, 2, 3], "b": [0, 5]})
    >>> trials[0]
    Trial(params={'a': 2, 'b': 0}, score=0)
    """
    combinations = itertools.product(*grid.values())
    return _evaluate(function, [dict(zip(grid, c)) for c in combinations], mode, progress)


def random_search(function, space, trials, *, seed=0, mode="min", progress=False):
    """Call a function with random values; return the trials, best first.

    Args:
        function: takes the names of the space as keyword arguments, returns a score.
        space: a dict from names to lists of values, or to functions from a `random.Random` to a
            value, such as `uniform(0, 1)` and `log_uniform(1e-4, 1e-1)` return.
        trials: how many samples to take.
        seed: the same seed takes the same samples.
        mode, progress: as for `grid_search`.

    Source: Bergstra, Bengio, Random Search for Hyper-Parameter Optimization, JMLR 13 (2012).

    >>> from ember.utils.search import log_uniform, random_search
    >>> space = {"lr": log_uniform(1e-4, 1.0), "layers": [1, 2, 3]}
    >>> trials = random_search(lambda lr, layers: abs(lr - 0.1) * layers, space, trials=50)
    >>> len(trials), trials[0].score < trials[-1].score
    (50, True)
    """
    rng = random.Random(seed)

    def draw(values):
        return values(rng) if callable(values) else rng.choice(values)

    samples = [{name: draw(values) for name, values in space.items()} for _ in range(trials)]
    return _evaluate(function, samples, mode, progress)


def _evaluate(function, choices, mode, progress):
    if mode not in ("min", "max"):
        raise ValueError(f"mode {mode} is unknown!  It is 'min' or 'max'")
    if progress:
        choices = _bar(choices)
    sign = 1 if mode == "min" else -1
    trials = [Trial(params, function(**params)) for params in choices]
    return sorted(trials, key=lambda t: (math.isnan(t.score), sign * float(t.score)))


def _bar(choices):
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install 'ember[demo]'") from error
    return tqdm(choices)
