"""Mixed precision, compile and the process's switches beside PyTorch (see stories.py)."""

import copy
import warnings

import pytest

from .stories import attempt, compare

PROGRAMS = {}


def program(function):
    """Register a function of a library that yields what is to be compared."""
    PROGRAMS[function.__name__] = function
    return function


def kind(tensor):
    return str(tensor.dtype).split(".")[1]


@program
def autocast_dtypes(lib):
    F, x, y = lib.nn.functional, lib.randn(4, 4), lib.randn(4, 4)
    picture, short = lib.randn(1, 1, 5, 5), x.bfloat16()
    classes = lib.zeros(4, dtype=lib.long)
    operations = {
        "product": lambda: x @ y, "mm": lambda: lib.mm(x, y),
        "bmm": lambda: lib.bmm(x[None], y[None]), "linear": lambda: F.linear(x, y),
        "einsum": lambda: lib.einsum("ij,jk->ik", x, y),
        "conv": lambda: F.conv2d(picture, lib.ones(1, 1, 2, 2)),
        "conv transposed": lambda: F.conv_transpose2d(picture, lib.ones(1, 1, 2, 2)),
        "attention": lambda: F.scaled_dot_product_attention(x[None], y[None], y[None]),
        "softmax": lambda: x.softmax(1), "relu": lambda: short.relu(), "gelu": lambda: F.gelu(x),
        "sum": lambda: short.sum(), "prod": lambda: short.prod(), "add": lambda: short + y,
        "cat": lambda: lib.cat([short, y]), "double": lambda: x.double() @ y.double(),
        "layer norm": lambda: F.layer_norm(short, (4,)), "exp": lambda: short.exp(),
        "mse": lambda: F.mse_loss(short, y.bfloat16()), "l1": lambda: F.l1_loss(short, short),
        "cross entropy": lambda: F.cross_entropy(short, classes),
        "nll": lambda: F.nll_loss(short.log_softmax(1), classes),
        "bce": lambda: F.binary_cross_entropy_with_logits(short, lib.ones(4, 4)),
        "huber": lambda: F.huber_loss(short, short),
        "lstm": lambda: lib.nn.LSTM(4, 4)(x[None])[0], "gru": lambda: lib.nn.GRU(4, 4)(x[None])[0],
    }
    with lib.autocast("cpu"):
        yield {name: kind(call()) for name, call in operations.items()}
    with lib.autocast("cpu", dtype=lib.float16):
        yield kind(operations["linear"]()), kind(operations["mse"]())
    yield kind(operations["linear"]())


@program
def autocast_training(lib):
    net = lib.nn.Sequential(lib.nn.Linear(4, 8), lib.nn.ReLU(), lib.nn.Linear(8, 2))
    optimizer = lib.optim.SGD(net.parameters(), lr=0.1)
    x, y = lib.randn(16, 4), lib.randint(0, 2, (16,))
    for _ in range(3):
        optimizer.zero_grad()
        with lib.autocast("cpu", dtype=lib.bfloat16):
            loss = lib.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        yield kind(loss), round(loss.item(), 2), [kind(p.grad) for p in net.parameters()]


@program
def autocast_nesting(lib):
    x = lib.ones(2, 2)
    yield lib.is_autocast_enabled("cpu"), lib.is_autocast_cache_enabled()
    with lib.autocast("cpu", dtype=lib.float16) as outer:
        yield lib.is_autocast_enabled("cpu"), lib.is_autocast_enabled("cuda"), str(outer.fast_dtype)
        yield str(lib.get_autocast_dtype("cpu"))
        with lib.autocast("cpu", enabled=False, cache_enabled=False):
            yield kind(x @ x), lib.is_autocast_enabled("cpu"), lib.is_autocast_cache_enabled()
        with lib.amp.autocast("cpu", lib.bfloat16):
            yield kind(x @ x)
        yield kind(x @ x), str(lib.get_autocast_dtype("cpu"))

    @lib.autocast("cpu")
    def product(a):
        """Multiply."""
        return a @ a

    yield kind(product(x)), product.__name__, product.__doc__, kind(x @ x)
    lib.set_autocast_enabled("cpu", True)
    yield kind(x @ x), lib.is_autocast_enabled("cpu")
    lib.set_autocast_enabled("cpu", False)
    yield kind(x @ x), lib.amp.is_autocast_available("cpu")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with lib.autocast("cuda"):
            yield kind(x @ x), lib.is_autocast_enabled()
        with lib.autocast("cpu", dtype=lib.float64):
            yield kind(x @ x)
        yield ["Disabling autocast" in str(w.message) for w in caught]
    yield attempt(lib.autocast, 3), type(attempt(lib.autocast, "nowhere")).__name__


@program
def custom_functions(lib):
    seen = []

    class Product(lib.autograd.Function):
        @staticmethod
        @lib.amp.custom_fwd(device_type="cpu")
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a @ b

        @staticmethod
        @lib.amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            seen.append(lib.is_autocast_enabled("cpu"))
            a, b = ctx.saved_tensors
            return g @ b.T, a.T @ g

    class InFloat32(Product):
        @staticmethod
        @lib.amp.custom_fwd(device_type="cpu", cast_inputs=lib.float32)
        def forward(ctx, a, b):
            seen.append((kind(a), lib.is_autocast_enabled("cpu")))
            ctx.save_for_backward(a, b)
            return a @ b

    a, b = lib.ones(2, 2, requires_grad=True), lib.ones(2, 2, requires_grad=True)
    with lib.autocast("cpu"):
        out = Product.apply(a, b)
    out.sum().backward()
    yield kind(out), a.grad, seen
    with lib.autocast("cpu"):
        out = InFloat32.apply(a.bfloat16(), b)
    out.sum().backward()
    yield kind(out), seen


@program
def grad_scaler(lib):
    w = lib.nn.Parameter(lib.ones(2))
    optimizer = lib.optim.SGD([w], lr=0.125)
    scaler = lib.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    yield scaler.get_scale(), scaler.is_enabled(), scaler.state_dict()
    for i in range(6):
        optimizer.zero_grad()
        loss = (w * (float("inf") if i == 3 else float(i))).sum()
        scaled = scaler.scale(loss)
        scaled.backward()
        if i == 2:
            scaler.unscale_(optimizer)
            lib.nn.utils.clip_grad_norm_([w], 1.0)
        yield scaled, w.grad
        scaler.step(optimizer)
        scaler.update()
        yield w, scaler.get_scale(), scaler._get_growth_tracker()
    state = scaler.state_dict()
    other = lib.amp.GradScaler("cpu")
    other.load_state_dict(state)
    yield other.state_dict(), other.get_scale()
    yield scaler.scale([lib.ones(1), (lib.ones(2),)])
    scaler.update(4.0)
    yield scaler.get_scale(), scaler.get_growth_factor(), scaler.get_backoff_factor()
    scaler.update(lib.full((), 2.0))
    yield scaler.get_scale(), scaler.get_growth_interval()


@program
def grad_scaler_refusals(lib):
    w = lib.nn.Parameter(lib.ones(2))
    optimizer = lib.optim.SGD([w], lr=0.1)
    scaler = lib.amp.GradScaler("cpu")
    yield attempt(scaler.step, optimizer), attempt(scaler.unscale_, optimizer)
    yield attempt(scaler.update), attempt(scaler.scale, 3)
    scaler.scale(w.sum()).backward()
    scaler.unscale_(optimizer)
    yield attempt(scaler.unscale_, optimizer)
    yield attempt(scaler.step, optimizer, closure=lambda: 0)
    scaler.step(optimizer)
    yield attempt(scaler.step, optimizer), attempt(scaler.unscale_, optimizer)
    scaler.update()
    optimizer.zero_grad()
    yield attempt(scaler.step, optimizer)
    yield attempt(lib.amp.GradScaler, "cpu", growth_factor=1.0)
    yield attempt(lib.amp.GradScaler, "cpu", backoff_factor=1.0)
    yield attempt(scaler.load_state_dict, {})
    off = lib.amp.GradScaler("cpu", enabled=False)
    yield off.scale(lib.ones(1)), off.get_scale(), off.state_dict(), off.is_enabled()
    off.unscale_(optimizer)
    off.step(optimizer)
    off.update()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield lib.cuda.amp.GradScaler().is_enabled(), lib.GradScaler().is_enabled()
        with lib.cuda.amp.autocast(enabled=False):
            pass
        yield [str(w.message) for w in caught]


@program
def compiled_modules(lib):
    nn = lib.nn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ember says that nothing is compiled
        net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        model = lib.compile(net, backend="eager")
        yield model, list(model.state_dict()), [n for n, _ in model.named_modules()]
        yield model.eval() is model, net.training, model.training, isinstance(model, nn.Module)
        model.extra = 3
        yield net.extra, model.extra, len(model), model._orig_mod is net
        yield model.to(lib.float64) is model, net[0].weight
        yield str(model.load_state_dict(model.state_dict())), attempt(lambda: model.nothing)
        twin = copy.deepcopy(model)
        yield twin._orig_mod is net, type(twin).__name__
        net.compile(backend="eager")
        yield list(net.state_dict()), net

        @lib.compile(backend="eager", fullgraph=True)
        def double(x):
            """Double."""
            return 2 * x

        yield double.__name__, double.__doc__
        yield attempt(lib.compile, net, mode="default", options={})
        yield type(attempt(lib.compile, net, mode="fast")).__name__
        yield lib.compile(net, disable=True) is net
    yield lib.compiler.is_compiling(), lib.compiler.disable(double)(2)


@program
def switches(lib):
    yield lib.get_float32_matmul_precision(), lib.are_deterministic_algorithms_enabled()
    for precision in ("high", "medium", "highest"):
        lib.set_float32_matmul_precision(precision)
        yield lib.get_float32_matmul_precision(), lib.backends.cuda.matmul.allow_tf32
    lib.use_deterministic_algorithms(True, warn_only=True)
    yield lib.are_deterministic_algorithms_enabled(), lib.get_deterministic_debug_mode()
    yield lib.is_deterministic_algorithms_warn_only_enabled()
    for mode in ("error", 1, "default"):
        lib.set_deterministic_debug_mode(mode)
        yield lib.get_deterministic_debug_mode(), lib.are_deterministic_algorithms_enabled()
    yield type(attempt(lib.set_deterministic_debug_mode, 5)).__name__
    yield type(attempt(lib.set_deterministic_debug_mode, 1.5)).__name__


@program
def adaptive_softmax(lib):
    layer = lib.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], div_value=2.0, head_bias=True)
    x, y = lib.randn(6, 8), lib.tensor([0, 4, 5, 9, 10, 19])
    result = layer(x, y)
    result.loss.backward()
    yield layer, result, [p.grad for p in layer.parameters()], layer.state_dict()
    yield layer(x[0], y[0]), layer.log_prob(x), layer.predict(x), layer(x[:2], y[:2])
    yield layer.predict(x * 30)
    yield attempt(layer, x, y + 3), attempt(layer, x, y[:2]), attempt(layer, x[0], y)
    yield attempt(layer, x, y[0]), attempt(layer, x, y[None])
    for cutoffs in ([], [5, 5], [10, 5], [0, 5], [5, 20], [1.5]):
        yield attempt(lib.nn.AdaptiveLogSoftmaxWithLoss, 8, 20, cutoffs)


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_story(name):
    compare(PROGRAMS[name])
