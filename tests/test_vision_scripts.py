"""Programs that import torchvision, run by `python -m ember`."""

import subprocess
import sys
import textwrap

import pytest

import ember
from ember import names

pytest.importorskip("PIL")

pytestmark = pytest.mark.host_only

TRAINING = """
    import torch, torchvision
    import torchvision.models as models
    import torchvision.transforms.functional as TF
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms
    from torchvision.datasets.mnist import MNIST
    from torchvision.models.resnet import BasicBlock
    from torchvision.transforms.transforms import Compose
    from torchvision.utils import save_image

    names = sorted(name for name in models.__dict__
                   if name.islower() and not name.startswith("__")
                   and callable(models.__dict__[name]))
    assert "resnet18" in names and torchvision.__version__.startswith("0.28")
    transform = transforms.Compose([transforms.RandomCrop(16), transforms.ToTensor(),
                                    transforms.Normalize((0.5,) * 3, (0.5,) * 3)])
    data = datasets.FakeData(8, (3, 20, 20), 4, transform)
    torch.manual_seed(0)
    model = models.__dict__["mobilenet_v2"](num_classes=4, width_mult=0.1)
    for images, targets in DataLoader(data, batch_size=4, shuffle=True):
        torch.nn.functional.cross_entropy(model(images), targets).backward()
    save_image(images, "images.png", nrow=2)
    print(torchvision.io.read_image("images.png").shape, TF.hflip(images).shape)
"""


def run(path, program):
    (path / "program.py").write_text(textwrap.dedent(program))
    return subprocess.run([sys.executable, "-m", "ember", "program.py"], cwd=path,
                          capture_output=True, text=True)


def test_a_training_program(tmp_path):
    done = run(tmp_path, TRAINING)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "torch.Size([3, 38, 38]) torch.Size([4, 3, 16, 16])\n"


@pytest.mark.parametrize("line, said", [
    ("torchvision.datasets.LSUN", "ember has no torchvision.datasets.LSUN yet"),
    ("torchvision.models.vit_b_16", "ember has no torchvision.models.vit_b_16 yet"),
    ("torchvision.transforms.ToTenser", "nearest: torchvision.transforms.ToTensor"),
    ("torchvision.utils.draw_keypoints", "ember has no torchvision.utils.draw_keypoints yet"),
])
def test_a_missing_name_is_explained(tmp_path, line, said):
    done = run(tmp_path, f"import torchvision\n{line}\n")
    assert done.returncode == 1 and said in done.stderr


# What the programs that were counted use of torchvision; one of them uses datasets.LSUN as well.
USED = {
    "datasets": "MNIST CIFAR10 FashionMNIST ImageFolder FakeData cifar.CIFAR10",
    "io": "read_image image.ImageReadMode.RGB",
    "models": "resnet18 vgg16 vgg19 ResNet18_Weights.DEFAULT VGG16_Weights.IMAGENET1K_V1 "
    "VGG19_Weights.DEFAULT resnet.Bottleneck mobilenet.mobilenet_v2",
    "ops": "misc.Conv2dNormActivation",
    "transforms": "CenterCrop ColorJitter Compose Grayscale Lambda Normalize Pad "
    "RandomCrop.get_params RandomHorizontalFlip RandomResizedCrop RandomVerticalFlip Resize "
    "ToPILImage ToTensor TrivialAugmentWide functional.crop transforms.Compose",
    "utils": "make_grid save_image",
}


@pytest.mark.parametrize("module", USED)
def test_names_that_programs_use_are_found(module):
    for name in USED[module].split():
        assert names.find(f"torchvision.{module}.{name}") is not None


def test_the_library_of_images():
    assert ember.vision.get_image_backend() == "PIL"
    with pytest.raises(ValueError, match="cannot be 'accimage'"):
        ember.vision.set_image_backend("accimage")
