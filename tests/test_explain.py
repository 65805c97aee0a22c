"""Errors that name the lines of the program. Each program is a file of its own, run here."""

import linecache
import textwrap

import pytest

import ember


@pytest.fixture
def program(tmp_path):
    """Run a program as a module of its own; return the error that it ends with."""
    def run(text, explained=True):
        path = tmp_path / "train.py"
        path.write_text(textwrap.dedent(text))
        linecache.checkcache(str(path))
        code = compile(path.read_text(), str(path), "exec")
        names = {"__name__": "train", "torch": ember}
        with ember.autograd.set_explain(explained), pytest.raises(Exception) as caught:
            exec(code, names)  # noqa: S102 - the programs below
        return caught.value

    return run


def notes(error):
    return "\n".join(getattr(error, "__notes__", []))


def test_what_cut_the_path(program):
    message = str(program("""
        w = torch.ones(2, requires_grad=True)
        pred = (w * 3).detach()
        loss = ((pred - 1) ** 2).mean()
        loss.backward()
        """))
    assert "`pred` was made by .detach() at train.py:3 (`pred = (w * 3).detach()`)" in message


@pytest.mark.parametrize(("line", "reason"), [
    ("y = (w * 2 > 1)", "computed by gt at train.py:3 (`y = (w * 2 > 1)`), as bool"),
    ("y = (w * 2).argmax()", "computed by argmax at train.py:3 (`y = (w * 2).argmax()`), as int64"),
    ("with torch.no_grad(): y = w * 2", "computed by mul at train.py:3 (`with torch.no_grad(): "
     "y = w * 2`), while torch.no_grad() was in force")])
def test_other_reasons_for_a_cut_path(program, line, reason):
    message = str(program(f"""
        w = torch.ones(2, requires_grad=True)
        {line}
        (y.float() + 1).sum().backward()
        """))
    assert f"`y` was {reason}" in message


def test_several_cuts_are_all_named(program):
    message = str(program("""
        w = torch.ones(2, requires_grad=True)
        a = w.detach()
        b = w.exp().detach()
        torch.cat([a, b]).sum().backward()
        """))
    assert "`a` was made by .detach() at train.py:3" in message
    assert "`b` was made by .detach() at train.py:4" in message


def test_no_trace_of_a_cut(program):
    assert "left the graph for Python or NumPy" in str(program("torch.ones(2).sum().backward()"))


def test_data_cuts_a_path(program):
    message = str(program("""
        w = torch.ones(2, requires_grad=True)
        pred = w.data * 2
        pred.sum().backward()
        """))
    assert "`pred` was made by .data at train.py:3 (`pred = w.data * 2`)" in message


@pytest.mark.parametrize(("line", "how"), [
    ("total = torch.tensor(sum(x.item() for x in losses))", ".item()"),
    ("total = torch.tensor(losses).sum()", "making a new tensor of it"),
    ("total = torch.tensor((w * 2).tolist()).sum()", ".tolist()")])
def test_values_that_left_for_python(program, line, how):
    message = str(program(f"""
        w = torch.ones(2, requires_grad=True)
        losses = [(w * n).sum() for n in range(3)]
        {line}
        total.backward()
        """))
    assert f"they last did at train.py:4 (`{line}`), by {how}" in message


def test_an_overwritten_parameter_is_named_by_its_place_in_the_operation(program):
    message = str(program("""
        x, w = torch.ones(1, 2), torch.ones(3, 2, requires_grad=True)
        y = torch.nn.functional.linear(x, w).square()
        with torch.no_grad():
            w -= 0.1
        x.requires_grad_()
        z = torch.nn.functional.linear(x, w).sum()
        w.data.add_(1)
        z.backward()
        """))
    assert "LinearBackward0 saved as 'weight'" in message
    assert "saved it at train.py:7" in message and "overwritten at train.py:8" in message


@pytest.mark.parametrize(("line", "operation"), [
    ("x.softmax(4)", "softmax"), ("x.sum(3)", "sum"), ("x.sort(7)", "sort")])
def test_every_operation_that_fails_says_where(program, line, operation):
    error = program(f"x = torch.ones(2, 3)\n\n{line}\n")
    assert f"{operation} failed in `{line}` at train.py:3: x has shape [2, 3]" in notes(error)


def test_cells_of_a_notebook_have_their_numbers(monkeypatch):
    import sys
    import types

    from ember.autograd import sources

    shell = types.SimpleNamespace(compile=types.SimpleNamespace(
        format_code_name=lambda name: ("Cell", "In[3]") if "ipykernel" in name else None))
    monkeypatch.setitem(sys.modules, "IPython",
                        types.SimpleNamespace(get_ipython=lambda: shell))
    assert sources.shown(("ipykernel_17/2346.py", 4, "f")) == "Cell In[3]:4"
    assert sources.shown(("somewhere/train.py", 4, "f")) == "train.py:4"


def test_a_second_pass_through_one_graph(program):
    message = str(program("""
        w = torch.ones(2, requires_grad=True)
        y = w.exp().sum()
        y.backward()
        y.backward()
        """))
    assert "used by the backward pass at train.py:4 (`y.backward()`)" in message
    assert "needs retain_graph=True" in message


def test_a_state_that_leads_back_into_the_last_graph(program):
    message = str(program("""
        w = torch.ones(2, requires_grad=True)
        hidden = torch.zeros(2)
        for step in range(2):
            hidden = torch.tanh(hidden * w)
            loss = hidden.sum()
            loss.backward()
        """))
    assert "used by the backward pass at train.py:7 (`loss.backward()`)" in message
    assert "through `hidden`, made at train.py:5" in message
    assert "`hidden = hidden.detach()`" in message


def test_a_saved_value_that_was_overwritten(program):
    message = str(program("""
        w = torch.ones(3, requires_grad=True)
        a = w * 2
        b = a * a
        a += 1
        b.sum().backward()
        """))
    assert "MulBackward0 saved it at train.py:4 (`b = a * a`)" in message
    assert "it was overwritten at train.py:5 (`a += 1`)" in message


def test_switched_off_messages_say_how_to_switch_it_on(program):
    for text in ("torch.ones(2).sum().backward()",
                 "x = torch.ones(2, requires_grad=True).exp().sum(); x.backward(); x.backward()",
                 "x = torch.ones(2, requires_grad=True).exp(); y = x.exp(); x += y;"
                 "y = x * x; x += 1; y.sum().backward()"):
        assert "EMBER_EXPLAIN=1" in str(program(text, explained=False))
        assert "EMBER_EXPLAIN=1" not in str(program(text))


@pytest.mark.parametrize(("expression", "note"), [
    ("h @ w", "matmul failed in `h @ w` at train.py:3: h has shape [2, 3], w has shape [4, 5]"),
    ("h + w", "add failed in `h + w` at train.py:3: h has shape [2, 3], w has shape [4, 5]"),
    ("torch.mul(h, w[0])", "`torch.mul(h, w[0])` at train.py:3: h has shape [2, 3], w[0] has"),
    ("h.matmul(w)", "`h.matmul(w)` at train.py:3: h has shape [2, 3], w has shape [4, 5]"),
    ("torch.cat([h, w.t()], 1)", "h has shape [2, 3], w.t() has shape [5, 4]")])
def test_shape_errors_name_the_operands(program, expression, note):
    error = program(f"h, w = torch.ones(2, 3), torch.ones(4, 5)\n\n{expression}\n",
                    explained=False)
    assert note in notes(error)


@pytest.mark.host_only
def test_device_errors_name_the_operands(program):
    error = program("h, w = torch.ones(2), torch.ones(2, device='standin')\nh + w\n")
    assert "same device" in str(error)
    assert "add failed in `h + w` at train.py:2: h has shape [2], w has shape [2]" in notes(error)


def test_results_and_gradients_are_the_same_with_explanations():
    def run():
        x = ember.linspace(-1, 1, 6).reshape(2, 3).requires_grad_()
        y = ember.nn.functional.softmax(x[:, 1:] * 2, dim=1)
        y = ember.cat([y, x.detach()], dim=1).sort().values
        y.pow(2).mean().backward()
        return y.tolist(), x.grad.tolist()

    plain = run()
    with ember.autograd.set_explain(True):
        assert ember.autograd.is_explain_enabled()
        assert run() == plain
    assert not ember.autograd.is_explain_enabled()


def test_nothing_is_kept_when_it_ends():
    from ember.autograd import explain

    with ember.autograd.set_explain():
        x = ember.ones(2, requires_grad=True)
        kept = [x.detach() for _ in range(5)]
        assert len(explain._causes) == 5
        del kept
        assert not explain._causes
        y = ember.zeros(2)
        y += 1
    assert not explain._written_at and explain.writes.watcher is None
