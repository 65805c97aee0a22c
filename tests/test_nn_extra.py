"""What the extra layers are known for: gradients over long times, gates, energies, recall."""

import itertools

import pytest

import ember as torch
from ember import nn
from ember.nn import extra


def test_without_peepholes_it_is_nn_lstm():
    torch.manual_seed(0)
    ours, theirs = extra.VariantLSTM(3, 4, "no_peepholes", forget_bias=0.0), nn.LSTM(3, 4)
    state = ours.state_dict()
    theirs.load_state_dict({"weight_ih_l0": state["cell.weight_ih"],
                            "weight_hh_l0": state["cell.weight_hh"],
                            "bias_ih_l0": state["cell.bias"], "bias_hh_l0": torch.zeros(16)})
    x = torch.randn(7, 2, 3)
    out, (h, c) = ours(x)
    expected, (h_expected, c_expected) = theirs(x)
    for found, wanted in ((out, expected), (h, h_expected[0]), (c, c_expected[0])):
        assert torch.allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("variant", extra.LSTM_VARIANTS)
def test_every_variant_differs_and_trains_all_its_weights(variant):
    torch.manual_seed(0)
    layer = extra.VariantLSTM(3, 4, variant, batch_first=True)
    out, state = layer(torch.randn(2, 5, 3))
    assert out.shape == (2, 5, 4) and len(state) == 2 + (variant == "full_gate_recurrence")
    out.square().sum().backward()
    unused = {"no_input_gate": 0, "no_forget_gate": 1, "no_output_gate": 3, "coupled_gates": 1}
    grads = layer.cell.bias.grad.reshape(4, 4)
    for row in range(4):
        assert bool(grads[row].any()) == (unused.get(variant) != row)
    if variant != "peepholes":
        torch.manual_seed(0)
        assert not torch.equal(extra.VariantLSTM(3, 4, batch_first=True)(torch.ones(1, 5, 3))[0],
                               layer(torch.ones(1, 5, 3))[0])


def test_coupled_gates_keep_the_cell_between_its_inputs():
    cell = extra.VariantLSTMCell(3, 4, "coupled_gates")
    _, c = cell(torch.randn(5, 3) * 100, (torch.zeros(5, 4), torch.full((5, 4), 0.5)))
    assert c.abs().max().item() <= 1.0


def test_peepholes_let_the_gates_see_the_cell():
    cell = extra.VariantLSTMCell(1, 2)
    for parameter in (cell.weight_ih, cell.weight_hh, cell.bias):
        nn.init.zeros_(parameter)
    h, c = cell(torch.zeros(1, 1), (torch.zeros(1, 2), torch.tensor([[3.0, -3.0]])))
    forget = torch.sigmoid(cell.peephole[1] * torch.tensor([3.0, -3.0]))
    assert torch.allclose(c[0], forget * torch.tensor([3.0, -3.0]))


def test_an_unknown_variant_is_named():
    with pytest.raises(ValueError, match="no_gates.*full_gate_recurrence"):
        extra.VariantLSTM(3, 4, "no_gates")


def test_gradients_reach_back_200_steps_when_the_forget_bias_is_large():
    torch.manual_seed(0)
    reached = {}
    layers = {"forgetful": extra.VariantLSTM(1, 8, forget_bias=0.0),
              "remembering": extra.VariantLSTM(1, 8, forget_bias=8.0), "rnn": nn.RNN(1, 8)}
    for name, layer in layers.items():
        x = torch.randn(200, 1, 1, requires_grad=True)
        layer(x)[0][-1].sum().backward()
        reached[name] = x.grad[0].abs().item()
    assert reached["remembering"] > 1e-4
    assert reached["forgetful"] < 1e-12 and reached["rnn"] < 1e-12


def test_highway_gates_lie_between_zero_and_one_and_mix():
    torch.manual_seed(0)
    layer, x = extra.Highway(4, gate_bias=0.0), torch.randn(6, 4)
    gate = layer.gate(x)
    assert 0 < gate.min().item() and gate.max().item() < 1
    assert torch.allclose(layer(x), gate * layer.transform(x).relu() + (1 - gate) * x)


def test_gradients_pass_50_highway_layers_and_not_50_plain_ones():
    torch.manual_seed(0)
    reached = []
    for make in (lambda: extra.Highway(8), lambda: nn.Sequential(nn.Linear(8, 8), nn.Sigmoid())):
        x = torch.randn(1, 8, requires_grad=True)
        nn.Sequential(*(make() for _ in range(50)))(x).sum().backward()
        reached.append(x.grad.norm().item())
    assert reached[0] > 1e-3 and reached[1] < 1e-12


@pytest.mark.parametrize("factorized", [False, True])
def test_inception_concatenates_its_branches(factorized):
    block = extra.InceptionBlock(4, 2, (3, 5), (2, 3), 1, factorized)
    x = torch.randn(2, 4, 7, 6)
    out = block(x)
    assert out.shape == (2, block.out_channels, 7, 6) and block.out_channels == 11
    assert torch.equal(out[:, :2], block.branch1(x)) and torch.equal(out[:, 10:], block.branch4(x))


def test_factorized_filters_have_fewer_weights():
    plain, small = (extra.InceptionBlock(64, 16, (32, 32), (32, 32), 16, factorized)
                    for factorized in (False, True))
    assert (sum(p.numel() for p in small.parameters())
            < 0.8 * sum(p.numel() for p in plain.parameters()))


def test_the_auxiliary_head_sends_gradients_to_the_middle():
    torch.manual_seed(0)
    head = extra.AuxiliaryHead(3, 2, channels=4, hidden=8)
    x = torch.randn(2, 3, 9, 9, requires_grad=True)
    loss = head.weight * nn.functional.cross_entropy(head(x), torch.tensor([0, 1]))
    loss.backward()
    assert x.grad.abs().sum().item() > 0


def test_free_energy_is_the_sum_over_hidden_states():
    torch.manual_seed(0)
    machine = extra.RestrictedBoltzmannMachine(4, 3).double()
    nn.init.normal_(machine.weight)
    v = torch.tensor([[1.0, 0, 1, 1]]).double()
    states = [torch.tensor([h]).double() for h in itertools.product((0.0, 1.0), repeat=3)]
    total = sum((-machine.energy(v, h)).exp() for h in states)
    assert torch.allclose(machine.free_energy(v), -total.log())


def test_contrastive_divergence_learns_its_patterns():
    torch.manual_seed(0)
    data = torch.tensor([[1.0, 1, 1, 0, 0, 0], [0.0, 0, 0, 1, 1, 1]])
    machine = extra.RestrictedBoltzmannMachine(6, 4)
    optimizer = torch.optim.SGD(machine.parameters(), lr=0.2)
    error = (machine(data) - data).abs().mean().item()
    for _ in range(300):
        optimizer.zero_grad()
        machine.contrastive_divergence(data.repeat(8, 1), k=1).backward()
        optimizer.step()
    assert (machine(data) - data).abs().mean().item() < 0.4 * error
    strange = torch.tensor([[1.0, 0, 1, 0, 1, 0]])
    assert machine.free_energy(data).max().item() < machine.free_energy(strange).item()


def test_hopfield_recalls_from_noise_and_its_energy_falls():
    torch.manual_seed(0)
    patterns = torch.randint(0, 2, (3, 64)).float() * 2 - 1
    network = extra.HopfieldNetwork(64)
    network.store(patterns)
    for pattern in patterns:
        state = pattern.clone()
        state[torch.randperm(64)[:10]] *= -1
        energies = [network.energy(state).item()]
        for _ in range(5):
            state = network(state, sweeps=1)
            energies.append(network.energy(state).item())
        assert torch.equal(state, pattern)
        assert all(a >= b - 1e-5 for a, b in itertools.pairwise(energies))
    assert torch.equal(network.weight, network.weight.T) and not network.weight.diagonal().any()
    with pytest.raises(ValueError, match="-1 and 1"):
        network.store(torch.zeros(1, 64))
