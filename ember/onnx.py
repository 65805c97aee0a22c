"""`torch.onnx`: there for programs that import it; ember does not write ONNX files.

Source: https://docs.pytorch.org/docs/2.13/onnx.html
"""


def export(model, *args, **options):
    """Refuse: ember has no exporter.

    Raises:
        NotImplementedError: always; the message says what to do.
    """
    raise NotImplementedError(
        "ember does not write ONNX files. Save the model's state_dict() with torch.save, load it "
        "in PyTorch, which reads that file, and call torch.onnx.export there")


def is_in_onnx_export():
    """Return False: nothing is being exported."""
    return False
