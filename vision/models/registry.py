"""Models by name, and what their constructors have in common.

Page: https://docs.pytorch.org/vision/0.28/models.html#listing-and-retrieving-available-models
"""

import fnmatch
import functools
import warnings

__all__ = ["get_model", "get_model_builder", "get_model_weights", "get_weight", "list_models",
           "loaded", "register_model"]

_MODELS = {}


def register_model(weights_enum):
    """Make a function the constructor of a model: `model(weights=None, progress=True, **options)`.

    The decorated function is called with the weights it shall load (a member of the enum or None)
    and with the options; `num_classes` is one of them when there are weights.

    Args:
        weights_enum: the model's `WeightsEnum`.
    """
    def register(build):
        @functools.wraps(build)
        def constructor(weights=None, progress=True, **options):
            weights = _chosen(weights_enum, weights, options)
            if weights is not None:
                classes = weights.meta["num_classes"]
                if options.setdefault("num_classes", classes) != classes:
                    raise ValueError(f"The parameter 'num_classes' expected value {classes} but "
                                     f"got {options['num_classes']} instead: {weights!r} are for "
                                     f"{classes} classes")
            return build(weights, **options)

        constructor.weights = weights_enum
        _MODELS[build.__name__] = constructor
        return constructor

    return register


def _chosen(enum, weights, options):
    """Return the weights that `weights` or the older `pretrained` asks for, or None."""
    if "pretrained" in options:
        weights = bool(options.pop("pretrained"))
        warnings.warn("The parameter 'pretrained' is deprecated since 0.13 and may be removed in "
                      "the future, please use 'weights' instead.", stacklevel=4)
    if isinstance(weights, bool):
        weights = next(iter(enum)) if weights else None
        warnings.warn("Arguments other than a weight enum or `None` for 'weights' are deprecated "
                      "since 0.13 and may be removed in the future. The current behavior is "
                      f"equivalent to passing `weights={weights!r}`.", stacklevel=4)
    return enum.verify(weights)


def loaded(model, weights):
    """Return a model after loading weights into it; None loads nothing."""
    if weights is not None:
        model.load_state_dict(weights.get_state_dict())
    return model


def list_models(module=None, include=None, exclude=None):
    """Return the names of the models, sorted.

    Args:
        module: only those that this module defines.
        include, exclude: patterns such as "resnet*", one or a list.

    >>> list_models(include="resnet*")
    ['resnet101', 'resnet152', 'resnet18', 'resnet34', 'resnet50']
    """
    names = [name for name, model in _MODELS.items()
             if module is None or module.__name__ in (model.__module__,
                                                      model.__module__.rpartition(".")[0])]
    if include:
        names = [name for name in names if _matches(name, include)]
    return sorted(name for name in names if not (exclude and _matches(name, exclude)))


def _matches(name, patterns):
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def get_model_builder(name):
    """Return the constructor of a model, of its name in small or capital letters.

    Raises:
        ValueError: no such model.
    """
    if name.lower() not in _MODELS:
        raise ValueError(f"Unknown model {name}; there are {', '.join(sorted(_MODELS))}")
    return _MODELS[name.lower()]


def get_model(name, **config):
    """Return a new model, of its name and its constructor's options.

    >>> get_model("squeezenet1_1", num_classes=10).num_classes
    10
    """
    return get_model_builder(name)(**config)


def get_model_weights(name):
    """Return the `WeightsEnum` of a model, of its name or its constructor."""
    return (get_model_builder(name) if isinstance(name, str) else name).weights


def get_weight(name):
    """Return weights of their full name.

    Raises:
        ValueError: no such weights.

    >>> get_weight("ResNet50_Weights.IMAGENET1K_V2")
    ResNet50_Weights.IMAGENET1K_V2
    """
    enum_name, _, member = name.partition(".")
    for model in _MODELS.values():
        if model.weights.__name__ == enum_name and member in model.weights.__members__:
            return model.weights[member]
    raise ValueError(f"Invalid weight name provided: {name!r}.")
