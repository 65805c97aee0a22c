"""SummaryWriter: tensorboardX's, with PyTorch's arguments, file layout, and ember's tensors."""

import os
import time

from tensorboardX import SummaryWriter as _Writer
from tensorboardX.summary import hparams, scalar
from tensorboardX.writer import FileWriter

from ...autograd.pytree import map_leaves
from ...autograd.tensor import Tensor
from .graph import graph_of

__all__ = ["FileWriter", "SummaryWriter"]


class SummaryWriter(_Writer):
    """Writes scalars, images, histograms and more into a folder that TensorBoard shows.

    Tensors may be given wherever numbers or arrays are expected.

    Args:
        log_dir: the folder; if None, one in `runs` named by time and machine, so that runs can
            be compared.
        comment: ends that name.
        purge_step: the step at which a run that crashed starts again; what it had written for
            this step and later ones is hidden.
        max_queue: how many entries may wait before they are written.
        flush_secs: seconds after which they are written in any case.
        filename_suffix: ends the names of the files.

    PyTorch page: https://docs.pytorch.org/docs/2.13/tensorboard.html
    """

    def __init__(self, log_dir=None, comment="", purge_step=None, max_queue=10, flush_secs=120,
                 filename_suffix=""):
        log_dir = str(log_dir) if log_dir else None
        super().__init__(log_dir, comment, purge_step, max_queue, flush_secs, filename_suffix)
        self.log_dir = self.logdir

    def get_logdir(self):
        """Return the folder."""
        return self.log_dir

    def add_scalar(self, tag, scalar_value, global_step=None, walltime=None, new_style=False,
                   double_precision=False):
        """Add one number.

        Args:
            tag: its name; "loss/train" groups names in TensorBoard.
            scalar_value: a number or a tensor of one element.
            global_step: the step it belongs to.
            walltime: its time in seconds since the epoch; now, if None.
            new_style, double_precision: accepted; numbers are written in single precision.
        """
        super().add_scalar(tag, _number(scalar_value), _number(global_step), walltime)

    def add_scalars(self, main_tag, tag_scalar_dict, global_step=None, walltime=None):
        """Add several numbers to one diagram.

        Args:
            main_tag: the name of the diagram.
            tag_scalar_dict: dict from a name to a number. Each name gets a folder of its own.
            global_step, walltime: see `add_scalar`.
        """
        folder = self._get_file_writer().get_logdir()
        walltime = time.time() if walltime is None else walltime
        for tag, value in tag_scalar_dict.items():
            place = os.path.join(folder, f"{main_tag.replace('/', '_')}_{tag}")
            if place not in self.all_writers:
                self.all_writers[place] = FileWriter(
                    place, self._max_queue, self._flush_secs, self._filename_suffix)
            summary = scalar(main_tag, _number(value))
            self.all_writers[place].add_summary(summary, _number(global_step), walltime)

    def add_histogram(self, tag, values, global_step=None, bins="tensorflow", walltime=None,
                      max_bins=None):
        """Add the distribution of values.

        Args:
            values: tensor or array of any shape.
            bins: "tensorflow", which suits any range, or what `numpy.histogram` takes.
            max_bins: at most so many bins.
            tag, global_step, walltime: see `add_scalar`.
        """
        if isinstance(bins, str) and bins == "tensorflow":
            bins = self.default_bins
        super().add_histogram(tag, _array(values), _number(global_step), bins, walltime, max_bins)

    def add_image(self, tag, img_tensor, global_step=None, walltime=None, dataformats="CHW"):
        """Add an image.

        Args:
            img_tensor: (3, H, W) or as `dataformats` says; uint8, or float from 0 to 1.
            dataformats: the order of the dimensions: "CHW", "HWC", "HW".
            tag, global_step, walltime: see `add_scalar`.
        """
        super().add_image(tag, _array(img_tensor), _number(global_step), walltime, dataformats)

    def add_images(self, tag, img_tensor, global_step=None, walltime=None, dataformats="NCHW"):
        """Add several images side by side; see `add_image`."""
        super().add_images(tag, _array(img_tensor), _number(global_step), walltime, dataformats)

    def add_image_with_boxes(self, tag, img_tensor, box_tensor, global_step=None, walltime=None,
                             rescale=1, dataformats="CHW", labels=None):
        """Add an image with rectangles drawn on it.

        Args:
            box_tensor: (N, 4): xmin, ymin, xmax, ymax of each in pixels.
            rescale: factor by which to shrink or enlarge the image.
            labels: a text for each rectangle.
            tag, img_tensor, global_step, walltime, dataformats: see `add_image`.
        """
        super().add_image_with_boxes(
            tag, _array(img_tensor), _array(box_tensor), _number(global_step), walltime,
            dataformats, labels, rescale=rescale)

    def add_figure(self, tag, figure, global_step=None, close=True, walltime=None):
        """Add a figure of matplotlib, or a list of them, as an image; close it afterwards."""
        super().add_figure(tag, figure, _number(global_step), close, walltime)

    def add_video(self, tag, vid_tensor, global_step=None, fps=4, walltime=None):
        """Add a video: (N, T, C, H, W), uint8 or float from 0 to 1. Needs moviepy."""
        super().add_video(tag, _array(vid_tensor), _number(global_step), fps, walltime)

    def add_audio(self, tag, snd_tensor, global_step=None, sample_rate=44100, walltime=None):
        """Add sound: (1, L) or (L,), from -1 to 1. Needs soundfile."""
        super().add_audio(tag, _array(snd_tensor), _number(global_step), sample_rate, walltime)

    def add_text(self, tag, text_string, global_step=None, walltime=None):
        """Add a text, which TensorBoard reads as Markdown."""
        super().add_text(tag, text_string, _number(global_step), walltime)

    def add_graph(self, model, input_to_model=None, verbose=False, use_strict_trace=True):
        """Add the graph of a model: what ember recorded while the model ran once.

        Args:
            model: a module.
            input_to_model: a tensor, or a tuple of the arguments of the call.
            verbose: print the graph as well.
            use_strict_trace: accepted; nothing is traced.
        Raises:
            ValueError: without an input.
            RuntimeError: the outputs depend on nothing that requires a gradient.
        """
        definition = graph_of(model, input_to_model)
        if verbose:
            print(definition)
        self._get_file_writer().add_onnx_graph(definition)  # which takes any graph's definition

    def add_embedding(self, mat, metadata=None, label_img=None, global_step=None, tag="default",
                      metadata_header=None):
        """Add points of a space of many dimensions, to be projected.

        Args:
            mat: (N, D).
            metadata: a label, or a list of labels, for each.
            label_img: (N, C, H, W), an image for each.
            metadata_header: names of the labels where each has several.
            tag, global_step: see `add_scalar`.
        """
        super().add_embedding(_array(mat), _plain(metadata), _array(label_img),
                              _number(global_step), tag, metadata_header)

    def add_pr_curve(self, tag, labels, predictions, global_step=None, num_thresholds=127,
                     weights=None, walltime=None):
        """Add a curve of precision and recall.

        Args:
            labels: (N,), 0 or 1.
            predictions: (N,), probability of 1.
            num_thresholds: number of points.
            weights: (N,), of the samples.
            tag, global_step, walltime: see `add_scalar`.
        """
        super().add_pr_curve(tag, _array(labels), _array(predictions), _number(global_step),
                             num_thresholds, _array(weights), walltime)

    def add_mesh(self, tag, vertices, colors=None, faces=None, config_dict=None,
                 global_step=None, walltime=None):
        """Add a mesh or a cloud of points in space.

        Args:
            vertices: (B, N, 3), coordinates.
            colors: (B, N, 3), uint8.
            faces: (B, M, 3), indices of vertices.
            config_dict: of three.js.
            tag, global_step, walltime: see `add_scalar`.
        """
        super().add_mesh(tag, _array(vertices), _array(colors), _array(faces), config_dict,
                         _number(global_step), walltime)

    def add_hparams(self, hparam_dict, metric_dict, hparam_domain_discrete=None, run_name=None,
                    global_step=None):
        """Add the settings of a run beside its results.

        Args:
            hparam_dict: dict from a setting's name to a number, text or bool.
            metric_dict: dict from a result's name to a number.
            hparam_domain_discrete: accepted; TensorBoard finds the values by itself.
            run_name: the run's folder; the time, if None.
            global_step: see `add_scalar`.
        Raises:
            TypeError: what is no dict.
        """
        if not isinstance(hparam_dict, dict) or not isinstance(metric_dict, dict):
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
        summaries = hparams(_plain(dict(hparam_dict)), _plain(dict(metric_dict)))
        folder = os.path.join(
            self._get_file_writer().get_logdir(), run_name or str(time.time()))
        with SummaryWriter(folder) as run:
            for summary in summaries:
                run.file_writer.add_summary(summary, _number(global_step))
            for name, value in metric_dict.items():
                run.add_scalar(name, value, global_step)


def _array(value):
    """Return a NumPy array for a tensor, wherever it lives; anything else as it is."""
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else value


def _number(value):
    """Return the number that a tensor of one element holds; anything else as it is."""
    return value.item() if isinstance(value, Tensor) else value


def _plain(value):
    """Return a structure with its tensors as numbers or lists."""
    return map_leaves(lambda v: v.tolist() if isinstance(v, Tensor) else v, value)
