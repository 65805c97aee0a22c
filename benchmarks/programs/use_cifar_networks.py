"""Compute a loss and its gradients with each kind of network of pytorch-cifar."""

import models
import torch
from torch.nn import functional as F

NETWORKS = {
    "VGG": lambda: models.VGG("VGG11"), "ResNet": models.ResNet18,
    "PreActResNet": models.PreActResNet18, "DenseNet": models.densenet_cifar,
    "ResNeXt": models.ResNeXt29_2x64d, "MobileNet": models.MobileNet,
    "MobileNetV2": models.MobileNetV2, "DPN": models.DPN26, "SENet": models.SENet18,
    "ShuffleNetV2": lambda: models.ShuffleNetV2(1), "EfficientNet": models.EfficientNetB0,
    "RegNet": models.RegNetX_200MF, "DLA": models.DLA, "LeNet": models.LeNet,
}
for name, make in NETWORKS.items():
    torch.manual_seed(0)
    network = make()
    loss = F.cross_entropy(network(torch.randn(4, 3, 32, 32)), torch.arange(4))
    loss.backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    steepest = max(float(g.abs().max()) for g in gradients)
    print(f"{name}: loss {loss.item():.4f}, steepest {steepest:.4g}")
