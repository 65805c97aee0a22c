"""Networks for images: their constructors, their weights, training them."""

import hashlib
import io
import urllib.error

import pytest

import ember as torch
from ember.vision import download, models


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of downloaded weights; there is no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def fail(request):
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr("urllib.request.urlopen", fail)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_a_small_network_learns():
    torch.manual_seed(0)
    model = models.mobilenet_v2(num_classes=2, width_mult=0.1, dropout=0.0)
    x, y = torch.randn(8, 3, 32, 32), torch.tensor([0, 1] * 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_side_heads_of_googlenet():
    model = models.googlenet(num_classes=4, init_weights=False)
    x = torch.randn(2, 3, 32, 32)
    assert [scores.shape for scores in model(x)] == [(2, 4)] * 3
    assert model(x)._fields == ("logits", "aux_logits2", "aux_logits1")
    assert model.eval()(x).shape == (2, 4)
    with pytest.warns(FutureWarning, match="set init_weights=True"):
        model = models.googlenet(aux_logits=False)
    assert model.aux1 is None and model(x).shape == (2, 1000)


def test_blocks_that_begin_as_the_identity():
    model = models.resnet18(zero_init_residual=True)
    assert model.layer2[1].bn2.weight.abs().sum().item() == 0
    with pytest.raises(ValueError, match="3-element tuple"):
        models.resnet50(replace_stride_with_dilation=[True])
    with pytest.raises(NotImplementedError, match="Dilation > 1 not supported in BasicBlock"):
        models.resnet18(replace_stride_with_dilation=[False, False, True])


def test_memory_efficient_densenet_has_the_same_gradients():
    small = {"growth_rate": 4, "block_config": (2, 2), "num_init_features": 8, "num_classes": 3}
    x = torch.randn(2, 3, 32, 32)
    gradients = []
    for memory_efficient in (False, True):
        torch.manual_seed(0)
        model = models.DenseNet(**small, memory_efficient=memory_efficient)
        model(x).sum().backward()
        gradients.append(model.features.conv0.weight.grad)
    assert torch.allclose(*gradients, rtol=1e-4, atol=1e-5)


def test_models_by_name():
    assert models.get_model("MobileNet_V2", num_classes=3).classifier[1].out_features == 3
    assert models.get_model_weights("vgg16") is models.VGG16_Weights
    assert models.get_model_weights(models.resnet18) is models.ResNet18_Weights
    assert models.list_models(include="*next*", exclude=["*101*"]) == ["resnext50_32x4d"]
    assert models.list_models(models.vgg)[0] == "vgg11"
    with pytest.raises(ValueError, match="Unknown model resnet19; there are alexnet,"):
        models.get_model("resnet19")
    with pytest.raises(ValueError, match="Invalid weight name"):
        models.get_weight("ResNet18_Weights.BEST")


def test_weights_that_are_not_there_are_named(cache):
    with pytest.raises(RuntimeError) as caught:
        models.resnet18(weights="DEFAULT")
    message = str(caught.value)
    assert "resnet18-f37072fd.pth" in message and str(cache) in message
    assert "https://download.pytorch.org/models/resnet18-f37072fd.pth" in message
    assert list(cache.iterdir()) == []


def small_squeezenet_file(folder, monkeypatch):
    """Put weights of a network of three classes where those of ImageNet would be."""
    weights = models.SqueezeNet1_1_Weights.DEFAULT
    monkeypatch.setitem(weights.meta, "num_classes", 3)
    torch.manual_seed(9)
    saved = models.squeezenet1_1(num_classes=3).state_dict()
    torch.save(saved, folder / "squeezenet1_1-b8a52dc0.pth")
    return saved


@pytest.mark.host_only
@pytest.mark.parametrize("weights", ["DEFAULT", "SqueezeNet1_1_Weights.IMAGENET1K_V1",
                                     models.SqueezeNet1_1_Weights.DEFAULT])
def test_weights_on_disk_are_loaded(cache, monkeypatch, weights):
    saved = small_squeezenet_file(cache, monkeypatch)
    model = models.squeezenet1_1(weights=weights)
    for key, value in model.state_dict().items():
        assert torch.equal(value, saved[key])
    with pytest.raises(ValueError, match="'num_classes' expected value 3 but got 7"):
        models.squeezenet1_1(weights=weights, num_classes=7)


@pytest.mark.host_only
def test_the_older_ways_to_ask_for_weights(cache, monkeypatch):
    saved = small_squeezenet_file(cache, monkeypatch)
    for arguments, options in (((), {"pretrained": True}), ((True,), {})):
        with pytest.warns(UserWarning, match="deprecated since 0.13"):
            model = models.squeezenet1_1(*arguments, **options)
        assert torch.equal(model.features[0].weight, saved["features.0.weight"])
    with pytest.warns(UserWarning, match="deprecated since 0.13"):
        assert models.squeezenet1_1(pretrained=False, num_classes=4).num_classes == 4
    with pytest.raises(TypeError, match="expected SqueezeNet1_1_Weights but received ResNet18"):
        models.squeezenet1_1(weights=models.ResNet18_Weights.DEFAULT)


@pytest.mark.host_only
def test_downloaded_weights_are_checked(cache, monkeypatch):
    small_squeezenet_file(cache, monkeypatch)
    path = cache / "squeezenet1_1-b8a52dc0.pth"
    content = path.read_bytes()
    path.unlink()
    monkeypatch.setattr("urllib.request.urlopen", lambda request: io.BytesIO(content))
    with pytest.raises(RuntimeError, match="its sha256 is .*, not b8a52dc0"):
        models.squeezenet1_1(weights="DEFAULT")
    assert list(cache.iterdir()) == []
    download.fetch("https://example.org/x", path, hashlib.sha256(content).hexdigest()[:8], "sha256")
    assert models.squeezenet1_1(weights="DEFAULT").num_classes == 3


def test_what_weights_tell():
    weights = models.VGG16_Weights.IMAGENET1K_FEATURES
    assert repr(weights) == "VGG16_Weights.IMAGENET1K_FEATURES"
    assert weights.transforms()(torch.zeros(3, 300, 280)).shape == (3, 224, 224)
    assert weights.meta["num_classes"] == 1000
    with pytest.raises(KeyError, match="categories"):
        weights.meta["categories"]
