"""What programs ask about the machine, its memory and the versions."""

import pytest

import ember

pytestmark = pytest.mark.host_only


@pytest.mark.skipif(ember.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_answers_are_pytorchs():
    state = ember.get_rng_state()
    ember.cuda.manual_seed(1)
    ember.cuda.manual_seed_all(1)
    assert (ember.get_rng_state() == state).all()
    assert ember.cuda.device_count() == 0 and not ember.cuda.is_initialized()
    assert ember.cuda.memory_allocated() == ember.cuda.max_memory_allocated() == 0
    assert ember.cuda.empty_cache() is None and ember.cuda.reset_peak_memory_stats() is None
    assert ember.accelerator.current_accelerator() is None
    assert not ember.accelerator.is_available() and ember.version.cuda is None
    assert not ember.cuda.is_bf16_supported()


@pytest.mark.skipif(ember.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize(
    "use", [ember.cuda.synchronize, ember.cuda.current_device, ember.cuda.get_device_name,
            lambda: ember.cuda.Event(enable_timing=True), lambda: ember.cuda.FloatTensor([1.0]),
            lambda: ember.cuda.set_device(0), ember.cuda.device(0).__enter__])
def test_without_a_gpu_using_one_says_what_is_missing(use):
    with pytest.raises(RuntimeError, match="CUDA is not available: "):
        use()


def test_versions_compare_as_programs_compare_them():
    version = ember.version.__version__
    assert version >= "1.8" and version > "2.2.1" and version < "3" and not version < "2.13"
    assert version >= (2, 0) and version < (2, 14)
    assert version.split(".")[:2] == ["2", "13"]


def test_what_runs_out_of_memory_is_caught_by_pytorchs_name():
    assert ember.cuda.OutOfMemoryError is ember.OutOfMemoryError
    with pytest.raises(ember.OutOfMemoryError):
        ember.empty(1 << 50)


def test_pytorchs_names_for_arguments():
    assert isinstance(2.5, ember.types.Number) and not isinstance("2.5", ember.types.Number)
    assert isinstance(ember.device("cpu"), ember.types.Device)
    assert isinstance(ember.ones(1).untyped_storage(), ember.types.Storage)


def test_detach_is_a_function_too():
    w = ember.ones(2, requires_grad=True)
    assert not ember.detach(w).requires_grad


def test_devices_that_cannot_be_are_refused():
    with pytest.raises(RuntimeError, match="must not be negative"):
        ember.ones(1).to(ember.ones(1).get_device())
    with pytest.raises(RuntimeError, match="must be cuda device"):
        ember.ones(1).cuda(ember.device("cpu"))


def test_modules_written_for_torchscript_are_modules():
    class Double(ember.jit.ScriptModule):
        factor: ember.jit.Final[int] = 2

        @ember.jit.script_method
        def forward(self, x):
            return ember.jit.annotate(ember.Tensor, x * self.factor)

    assert Double()(ember.ones(1)).item() == 2
    assert not isinstance(ember.nn.Linear(1, 1), ember.jit.ScriptModule)
