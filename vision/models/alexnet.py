"""AlexNet, in the form of "One weird trick for parallelizing convolutional neural networks".

Paper: https://arxiv.org/abs/1404.5997
"""

from ... import nn
from .registry import loaded, register_model
from .weights import WeightsEnum, imagenet

__all__ = ["AlexNet", "AlexNet_Weights", "alexnet"]


class AlexNet(nn.Module):
    """Five convolutions and three linear layers.

    Args:
        num_classes: how many numbers come out.
        dropout: the probability of each dropout.
    Shape: (N, 3, 63 or more, 63 or more) -> (N, num_classes).
    """

    def __init__(self, num_classes=1000, dropout=0.5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2), nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 192, kernel_size=5, padding=2), nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1), nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2))
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(inplace=True),
            nn.Dropout(dropout), nn.Linear(4096, 4096), nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes))

    def forward(self, x):
        """Return the scores of the classes."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class AlexNet_Weights(WeightsEnum):
    """Pretrained weights of `alexnet`."""

    IMAGENET1K_V1 = imagenet("alexnet-owt-7be5be79.pth")
    DEFAULT = IMAGENET1K_V1


@register_model(AlexNet_Weights)
def alexnet(weights, **options):
    """Return an AlexNet; see `AlexNet` for its options."""
    return loaded(AlexNet(**options), weights)
