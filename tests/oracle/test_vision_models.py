"""Models beside torchvision's: text, initial values, results in both modes, gradients."""

import numpy as np
import pytest
import torch

import ember
import ember.vision

from . import vision_adapter as adapter

THEIRS = adapter.torchvision()
MODELS = ember.vision.models.list_models()

# One of each family: constructor, its options, the side of the input. Batch normalization over few
# values magnifies rounding errors, so in double precision where there is any.
SMALL = {
    "alexnet": ({"num_classes": 7}, 64),
    "vgg11": ({"num_classes": 5, "dropout": 0.2}, 32),
    "googlenet": ({"num_classes": 6, "init_weights": True}, 32),
    "googlenet (plain)": ({"num_classes": 6, "init_weights": False, "aux_logits": False,
                           "transform_input": True}, 32),
    "resnet18": ({"num_classes": 9}, 32),
    "resnet18 (zero)": ({"num_classes": 9, "zero_init_residual": True}, 32),
    "resnet50 (dilated)": ({"replace_stride_with_dilation": [False, True, True],
                            "num_classes": 4}, 32),
    "squeezenet1_0": ({"num_classes": 5}, 33),
    "squeezenet1_1": ({"num_classes": 5}, 33),
    "mobilenet_v2": ({"num_classes": 8, "width_mult": 0.35}, 32),
    "densenet121": ({"num_classes": 3, "drop_rate": 0.1}, 32),
    "inception_v3": ({"num_classes": 3, "init_weights": False, "aux_logits": False,
                      "transform_input": True}, 75),
}
SINGLE = {"alexnet", "vgg11"}
HEAVY = SINGLE | {"resnet50 (dilated)", "densenet121", "inception_v3"}
CASES = [pytest.param(name, marks=[pytest.mark.slow] if name in HEAVY else []) for name in SMALL]


def pair(name, options):
    """The model of both libraries, from one seed."""
    constructor = name.split(" ")[0]
    adapter.seed(3)
    ours = getattr(ember.vision.models, constructor)(**options)
    return ours, getattr(THEIRS.models, constructor)(**options)


def near(found, wanted, rtol):
    """Equal up to a part of the largest value."""
    mine, theirs = adapter.array(found), adapter.array(wanted)
    largest = np.abs(theirs).max(initial=1e-9)
    np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=rtol * largest)


def load(ours, theirs):
    """Give our model the other one's state."""
    ours.load_state_dict({key: ember.from_numpy(value.numpy())
                          for key, value in theirs.state_dict().items()})


@pytest.mark.parametrize("name", CASES)
def test_small_model(name):
    options, side = SMALL[name]
    ours, theirs = pair(name, options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        near(ours.state_dict()[key], value, rtol=1e-5)
    x = np.random.default_rng(0).standard_normal((2, 3, side, side))
    modes, rtol = ("train", "eval"), 1e-6
    if name in SINGLE:  # a hundred million parameters, and only dropout depends on the mode
        x, modes, rtol = x.astype(np.float32), ("train",), 1e-4
    else:
        ours.double(), theirs.double()
        load(ours, theirs)
    for mode in modes:
        results = []
        for lib, model in ((ember, ours), (torch, theirs)):
            lib.manual_seed(5)
            image = lib.tensor(x, requires_grad=True)
            out = getattr(model, mode)()(image)
            outs = out if isinstance(out, tuple) else (out,)
            sum(scores.square().mean() for scores in outs).backward()
            results.append((getattr(out, "_fields", None), *outs, image.grad))
        (fields, *found), (their_fields, *wanted) = results
        assert fields == their_fields
        for one, other in zip(found, wanted, strict=True):
            near(one, other, rtol)
    if name not in SINGLE:
        for key, value in theirs.state_dict().items():
            near(ours.state_dict()[key], value, rtol)  # the running statistics


def test_side_head_of_inception():
    """The whole network needs images of 299 pixels for it."""
    ours = ember.vision.models.inception.InceptionAux(8, 3).double()
    theirs = THEIRS.models.inception.InceptionAux(8, 3).double()
    load(ours, theirs)
    x = np.random.default_rng(0).standard_normal((2, 8, 17, 17))
    near(ours(ember.tensor(x)), theirs(torch.tensor(x)), rtol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_the_same_layers(name, monkeypatch):
    """Without drawing the initial values, which for all models would take minutes."""
    for function in ember.nn.init.__all__:
        monkeypatch.setattr(ember.nn.init, function, lambda tensor, *args, **kwargs: tensor)
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        theirs = getattr(THEIRS.models, name)(**options)
    ours = getattr(ember.vision.models, name)(**options)
    assert repr(ours) == repr(theirs)
    shapes = [{key: tuple(value.shape) for key, value in model.state_dict().items()}
              for model in (ours, theirs)]
    assert list(shapes[0].items()) == list(shapes[1].items())


@pytest.mark.parametrize("name", MODELS)
def test_weights(name):
    ours, theirs = (models.get_model_weights(name) for models in (ember.vision.models,
                                                                   THEIRS.models))
    assert ours.__name__ == theirs.__name__
    assert list(ours.__members__) == list(theirs.__members__)
    assert repr(ours.DEFAULT) == repr(theirs.DEFAULT)
    for member in theirs:
        mine = ours[member.name]
        assert mine.url == member.url
        assert repr(mine.transforms()) == repr(member.transforms())
        assert getattr(ember.vision.models, ours.__name__) is ours


def test_models_are_listed_alike():
    assert set(MODELS) <= set(THEIRS.models.list_models())
    patterns = {"include": ["resnet*", "vgg*"], "exclude": "*_bn"}
    assert ember.vision.models.list_models(**patterns) == THEIRS.models.list_models(**patterns)


def test_preset_transforms():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 40, 50), np.uint8)
    weights = "MobileNet_V2_Weights.IMAGENET1K_V2"
    found = ember.vision.models.get_weight(weights).transforms()(ember.from_numpy(pixels))
    wanted = THEIRS.models.get_weight(weights).transforms()(torch.from_numpy(pixels))
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), atol=0.02)  # one step of 256
