"""The version that programs compare: torchvision's, whose names ember.vision speaks."""

__all__ = ["__version__", "cuda", "git_version"]

__version__ = "0.28.0+ember"
cuda = git_version = None
