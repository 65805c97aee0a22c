"""Draw the picture that opens the README: ``python docs/draw_e_graph.py``."""

from pathlib import Path

import ember as torch

a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(1.0, requires_grad=True)
e = (a + b) * (b + 1)
e.backward()
torch.graph(e).save(Path(__file__).parent / "img" / "e_graph.svg")
