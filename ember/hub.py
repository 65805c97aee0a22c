"""`torch.hub`: trained weights from the cache on disk.

PyTorch page: https://docs.pytorch.org/docs/2.13/hub.html
"""

from .utils.model_zoo import download_url_to_file, get_dir, load_state_dict_from_url, set_dir

__all__ = ["download_url_to_file", "get_dir", "load_state_dict_from_url", "set_dir"]
