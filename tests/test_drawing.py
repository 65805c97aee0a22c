"""Drawn graphs: what they show, that they scale, and that labels stay text."""

import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

import ember as torch
from ember.autograd import drawing

HOSTILE = ["<script>alert(1)</script>", "</TD></TABLE>", 'a" ]; evil [label="x', "a:b",
           "\\N\\G", "&amp;", "<B>bold</B>", "javascript:alert(1)", "<IMG SRC='x'/>", "]]>",
           "日本 ∂ −", "a\nb", "%s {0}"]


def graphviz_found():
    try:
        drawing._dot_command()
    except RuntimeError:
        return False
    return True


needs_graphviz = pytest.mark.skipif(not graphviz_found(), reason="no Graphviz: install ember[viz]")


def textbook():
    a = torch.tensor(2.0, requires_grad=True)
    b = torch.tensor(1.0, requires_grad=True)
    return a, b, (a + b) * (b + 1)


def test_text_before_and_after_backward():
    a, b, e = textbook()
    g = torch.graph(e)
    lines = [re.sub(r" +", " ", line) for line in g.text().splitlines()]
    assert lines == ["a value 2", "b value 1", "v1 = a + b value 3", "v2 = b + 1 value 2",
                     "e = v1 × v2 value 6"]
    e.backward()
    assert re.sub(r" +", " ", g.text()).splitlines() == [
        "a value 2 grad 2", "b value 1 grad 5", "v1 = a + b value 3 grad 2",
        "v2 = b + 1 value 2 grad 3", "e = v1 × v2 value 6 grad 1"]


def test_names_of_intermediate_variables():
    a = torch.tensor(2.0, requires_grad=True)
    c = a * 3
    d = c.tanh()
    assert "c = a × 3" in torch.graph(d).text() and "d = tanh(c)" in torch.graph(d).text()


def test_tensors_show_shape_dtype_and_gradient():
    x = torch.ones(3, 4, requires_grad=True)
    loss = (x * 2).sum()
    g = torch.graph(loss)
    loss.backward()
    text = g.text()
    assert "float32[3, 4]" in text and "grad μ 2, σ 0" in text


def test_tensor_without_history():
    with pytest.raises(ValueError, match="no history"):
        torch.graph(torch.ones(2))
    with pytest.raises(TypeError, match="draws the history of a tensor, not of list"):
        torch.graph([1])


def test_million_node_chain_is_folded():
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    g = torch.graph(y)
    assert "×99,995" in g.text() and len(g.text().splitlines()) < 10
    assert len(g.dot) < 5000


def test_wide_graph_is_cut():
    leaves = [torch.tensor(float(i), requires_grad=True) for i in range(1500)]
    total = leaves[0].exp()
    for t in leaves[1:]:
        total = total + t.exp()
    assert "earlier operations" in torch.graph(total).text()


@pytest.mark.parametrize("label", HOSTILE)
@needs_graphviz
def test_labels_cannot_become_markup(label, tmp_path):
    a, b, e = textbook()
    path = tmp_path / "g.svg"
    torch.graph(e, names={label: a, "b": b, label + "2": e}).save(path)
    svg = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(svg)  # well-formed
    tags = {element.tag.rsplit("}")[-1] for element in root.iter()}
    assert tags <= {"svg", "g", "title", "text", "path", "polygon", "ellipse", "polyline", "rect"}
    assert not any(key.startswith("on") or "href" in key
                   for element in root.iter() for key in element.attrib)
    shown = "".join(t.text or "" for t in root.iter() if t.tag.endswith("text"))
    flat = re.sub(r"\s+", "", label)
    assert flat in re.sub(r"\s+", "", shown)


@needs_graphviz
@pytest.mark.parametrize("suffix,magic", [
    ("svg", b"<?xml"), ("png", b"\x89PNG"), ("dot", b"digraph")])
def test_saves_formats(suffix, magic, tmp_path):
    _, _, e = textbook()
    path = torch.graph(e).save(tmp_path / f"e.{suffix}")
    with open(path, "rb") as file:
        assert file.read(len(magic)) == magic


def test_unknown_suffix(tmp_path):
    _, _, e = textbook()
    with pytest.raises(ValueError, match="end it in .svg"):
        torch.graph(e).save(tmp_path / "e.jpeg2000")


def test_without_graphviz_text_and_dot_work(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda *a, **k: None)
    _, _, e = textbook()
    g = torch.graph(e)
    assert "digraph" in g.dot and "e = v" in g.text()
    with pytest.raises(RuntimeError, match=r"pip install 'ember\[viz\]'"):
        g.save(tmp_path / "e.svg")
    assert "ember[viz]" in g._repr_mimebundle_()["text/plain"]


@needs_graphviz
def test_notebook_shows_an_image():
    _, _, e = textbook()
    bundle = torch.graph(e)._repr_mimebundle_()
    assert bundle["text/html"].startswith('<img src="data:image/svg+xml;base64,')
