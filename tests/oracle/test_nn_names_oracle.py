"""Every public name below torch.nn is here, with PyTorch's signature; what is not says why."""

import importlib
import inspect
import warnings

import pytest
import torch

import ember

from . import torch_names

PLACES = (
    "amp", "compiler", "cuda.amp", "nn", "nn.attention", "nn.functional", "nn.init",
    "nn.modules.module", "nn.modules.utils", "nn.parallel", "nn.parameter", "nn.utils",
    "nn.utils.clip_grad", "nn.utils.convert_parameters", "nn.utils.fusion", "nn.utils.init",
    "nn.utils.memory_format", "nn.utils.parametrizations", "nn.utils.parametrize",
    "nn.utils.prune", "nn.utils.rnn", "nn.utils.stateless",
)

LEFT_OUT = {
    "quantization, which ember has not": """
        nn.intrinsic nn.qat nn.quantizable nn.quantized nn.functional.ScalingType
        nn.functional.SwizzleType nn.functional.scaled_mm nn.functional.scaled_grouped_mm
        nn.functional.grouped_mm""",
    "gradients of convolutions by hand; autograd has them": "nn.grad",
    "PyTorch's own typing and dispatch helpers": """
        nn.common_types nn.factory_kwargs nn.functional.BroadcastingList1
        nn.functional.BroadcastingList2 nn.functional.BroadcastingList3 nn.functional.DType
        nn.functional.Tensor nn.functional.assert_int_or_pair nn.functional.boolean_dispatch
        nn.functional.handle_torch_function nn.functional.has_torch_function
        nn.functional.has_torch_function_unary nn.functional.has_torch_function_variadic
        nn.parameter.UninitializedTensorMixin cuda.amp.common
        cuda.amp.amp_definitely_not_available nn.attention.WARN_FOR_UNFUSED_KERNELS""",
    "removed or deprecated for years": "nn.Container",
    "several devices in one process, which ember does not divide batches over": """
        nn.parallel.comm nn.parallel.parallel_apply nn.parallel.replicate
        nn.parallel.scatter_gather""",
    "GPU kernels of PyTorch's own": """
        nn.attention.activate_flash_attention_impl nn.attention.current_flash_attention_impl
        nn.attention.list_flash_attention_impls nn.attention.register_flash_attention_impl
        nn.attention.restore_flash_attention_impl""",
    "the compiler's caches and switches for its guards": """
        compiler.config compiler.get_default_backend
        compiler.keep_portable_guards_unsafe compiler.keep_tensor_guards_unsafe
        compiler.load_cache_artifacts compiler.load_compiled_function
        compiler.nested_compile_region compiler.save_cache_artifacts
        compiler.set_default_backend compiler.set_enable_guard_collectives
        compiler.skip_all_guards_unsafe compiler.skip_guard_on_all_nn_modules_unsafe
        compiler.skip_guard_on_globals_unsafe
        compiler.skip_guard_on_inbuilt_nn_modules_unsafe compiler.substitute_in_graph
        compiler.wrap_numpy""",
    "submodules whose names the package shows": "amp.autocast_mode amp.grad_scaler "
    "cuda.amp.autocast_mode cuda.amp.grad_scaler",
}
OMITTED = {name for names in LEFT_OUT.values() for name in names.split()}

# Names whose parameters are PyTorch's in use, though `inspect` reads them otherwise.
OWN_SIGNATURE = {
    "(*args, **kwargs) that dispatches on return_indices, and a differing default there": """
        nn.functional.adaptive_max_pool1d nn.functional.adaptive_max_pool2d
        nn.functional.adaptive_max_pool3d nn.functional.fractional_max_pool2d
        nn.functional.fractional_max_pool3d nn.functional.max_pool1d nn.functional.max_pool2d
        nn.functional.max_pool3d nn.functional.adaptive_max_pool1d_with_indices
        nn.functional.adaptive_max_pool2d_with_indices
        nn.functional.adaptive_max_pool3d_with_indices
        nn.functional.fractional_max_pool2d_with_indices
        nn.functional.fractional_max_pool3d_with_indices nn.functional.max_pool1d_with_indices
        nn.functional.max_pool2d_with_indices nn.functional.max_pool3d_with_indices
        nn.NLLLoss2d""",
    "the record's, with out=": "nn.functional.sigmoid",
    "torch.func's, which names its second parameter otherwise": "nn.utils.stateless."
    "functional_call",
    "spelled **options": "nn.parallel.DistributedDataParallel",
    "torch.compile's, spelled out": "compiler.compile",
}
ODD = {name for names in OWN_SIGNATURE.values() for name in names.split()}


def public(module):
    """Yield the public names of a PyTorch module with their values, where they can be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in torch_names.public_names(module):
            if hasattr(module, name):
                yield name, getattr(module, name)


def own(place):
    """Return ember's module of a place."""
    try:
        return importlib.import_module(f"ember.{place}")
    except ModuleNotFoundError:
        outer, _, name = place.rpartition(".")
        return getattr(importlib.import_module(f"ember.{outer}"), name)


def shape(function):
    """Return what callers see of a signature: names, kinds and defaults of parameters."""
    def default(value):
        text = getattr(value, "__name__", None) or repr(value)
        return text.replace("ember.", "torch.")

    return [(p.name, p.kind.name, default(p.default))
            for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("place", PLACES)
def test_names_and_signatures(place):
    ours, missing, different = own(place), [], []
    for name, theirs in public(importlib.import_module(f"torch.{place}")):
        full = f"{place}.{name}"
        mine = getattr(ours, name, None)
        if mine is None:
            if full not in OMITTED:
                missing.append(full)
            continue
        if not callable(theirs) or full in ODD:
            continue
        try:
            wanted = shape(theirs)
        except ValueError:  # built in
            continue
        if wanted != shape(mine):
            different.append(f"{full}\n  torch {wanted}\n  ember {shape(mine)}")
    assert not missing and not different, "\n".join([*missing, *different])


def test_every_module_has_pytorchs_methods_and_forward():
    internal = {"check_forward_args", "check_hidden_size", "check_input", "permute_hidden",
                "get_expected_hidden_size", "get_expected_cell_size", "merge_masks"}
    problems = []
    for name, theirs in public(torch.nn):
        if not isinstance(theirs, type) or not issubclass(theirs, torch.nn.Module):
            continue
        mine = getattr(ember.nn, name, None)
        if mine is None or name == "DataParallel":
            continue
        lacking = {m for m in dir(theirs) if not m.startswith("_") and not hasattr(mine, m)}
        lacking -= internal | MODULE_ONLY
        problems += [f"{name}.{method}" for method in sorted(lacking)]
        if name != "Module" and theirs.forward is not torch.nn.Module.forward:
            wanted, found = (list(inspect.signature(c.forward).parameters) for c in (theirs, mine))
            if wanted != found:
                problems.append(f"{name}.forward{tuple(found)} is not {tuple(wanted)}")
    assert not problems, "\n".join(problems)


# Of Module itself: devices that ember has not, and PyTorch's own typing and bookkeeping.
MODULE_ONLY = {"T_destination", "dump_patches", "ipu", "mtia", "xpu"}


def test_modules_methods_have_pytorchs_signatures():
    different = []
    for name in dir(torch.nn.Module):
        theirs = getattr(torch.nn.Module, name)
        if name.startswith("_") or not callable(theirs) or name in MODULE_ONLY | {"forward"}:
            continue
        wanted, found = shape(theirs), shape(getattr(ember.nn.Module, name))
        if wanted != found:
            different.append(f"{name}\n  torch {wanted}\n  ember {found}")
    assert not different, "\n".join(different)


def test_the_list_of_what_is_left_out_is_no_longer_than_it_has_to_be():
    missing = {f"{place}.{name}" for place in PLACES
               for name, _ in public(importlib.import_module(f"torch.{place}"))
               if getattr(own(place), name, None) is None}
    assert not OMITTED - missing
