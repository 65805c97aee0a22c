"""Products, factorisations and solutions of matrices."""

import numpy as np
import pytest

import ember as torch
from ember import linalg


def random(*shape, seed=0):
    generator = torch.Generator("cpu").manual_seed(seed)
    made = torch.randn(shape, dtype=torch.float64, generator=generator, device="cpu")
    return made.to(torch.get_default_device()).requires_grad_()


def host(x):
    return x.detach().cpu().numpy()


def positive(n, seed=0):
    a = random(n, n, seed=seed).detach()
    return (a @ a.mT + n * torch.eye(n, dtype=torch.float64)).requires_grad_()


RANKS = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)),
         ((5, 2, 3), (5, 3, 4)), ((2, 1, 2, 3), (5, 3, 4)), ((3,), (5, 3, 4)), ((5, 2, 3), (3,)),
         ((2, 3), (5, 3, 4)), ((0, 3), (3, 4)), ((2, 0), (0, 4)), ((0, 2, 3), (3, 1))]


@pytest.mark.parametrize("a, b", RANKS)
def test_matmul_of_any_ranks(a, b):
    x, y = random(*a), random(*b, seed=1)
    wanted = host(x) @ host(y)
    assert (x @ y).shape == wanted.shape
    assert np.allclose(host(x @ y), wanted)
    assert torch.autograd.gradcheck(torch.matmul, (x, y))
    assert torch.autograd.gradgradcheck(torch.matmul, (x, y))


@pytest.mark.parametrize("a, b, message", [
    ((2, 3), (2, 3), r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)"),
    ((4, 2, 3), (2, 5), r"cannot be multiplied \(8x3 and 2x5\)"),
    ((2, 3), (2,), r"size mismatch, got input \(2\), mat \(2x3\), vec \(2\)"),
    ((2,), (3,), r"inconsistent tensor size, expected tensor \[2\] and src \[3\]"),
    ((), (3,), "both arguments to matmul need to be at least 1D, but they are 0D and 1D"),
    ((2, 2, 3), (3, 3, 2), r"must match.*\[2, 2, 3\] and \[3, 3, 2\]"),
])
def test_matmul_names_the_shapes_that_do_not_fit(a, b, message):
    with pytest.raises(RuntimeError, match=message):
        torch.ones(a) @ torch.ones(b)


def test_matmul_names_dtypes_that_differ():
    with pytest.raises(RuntimeError, match="expected m1 and m2 to have the same dtype, but got: "
                                           "float32 != float64"):
        torch.ones(2, 2) @ torch.ones(2, 2).double()
    with pytest.raises(TypeError, match="must be Tensor, not float"):
        torch.matmul(torch.ones(2), 2.0)


def test_matmul_does_not_save_what_it_does_not_need():
    x, w = torch.ones(2, 2), torch.ones(2, 2, requires_grad=True)
    y = x @ w
    with torch.no_grad():
        w.zero_()  # only x is needed for the gradient of w
    y.sum().backward()
    assert w.grad.tolist() == [[2, 2], [2, 2]]


@pytest.mark.parametrize("function, shapes, message", [
    (torch.mm, [(2,), (2, 2)], "must be a matrix"),
    (torch.bmm, [(2, 2), (2, 2, 2)], "batch1 must be a 3D tensor"),
    (torch.bmm, [(2, 2, 3), (2, 2, 3)], r"must|Expected size for first two dimensions"),
    (torch.mv, [(2, 2), (2, 2)], r"vector \+ matrix @ vector expected"),
    (torch.dot, [(2, 2), (2,)], "1D tensors expected, but got 2D and 1D"),
    (torch.outer, [(2, 2), (2,)], "Expected 1-D argument self, but got 2-D"),
])
def test_products_of_given_rank_refuse_others(function, shapes, message):
    with pytest.raises(RuntimeError, match=message):
        function(*[torch.ones(s) for s in shapes])


def test_products_added_to_something():
    a, b, c = (random(3, 3, seed=s) for s in range(3))
    wanted = 0.5 * a + 2 * (b @ c)
    assert torch.allclose(torch.addmm(a, b, c, beta=0.5, alpha=2), wanted)
    assert torch.allclose(torch.addmm(a[0], b, c), a[0] + b @ c)
    batch = torch.stack([b, c])
    assert torch.allclose(torch.baddbmm(a, batch, batch), a + batch @ batch)
    assert torch.allclose(torch.addbmm(a, batch, batch), a + b @ b + c @ c)
    assert torch.allclose(torch.addmv(a[0], b, c[0]), a[0] + b @ c[0])
    assert torch.allclose(torch.addr(a, b[0], c[0]), a + torch.outer(b[0], c[0]))


def test_beta_zero_hides_nan():
    hidden = torch.full((2, 2), float("nan"))
    assert torch.addmm(hidden, torch.eye(2), torch.eye(2), beta=0).tolist() == [[1, 0], [0, 1]]


EQUATIONS = [("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij->ji", (2, 3)),
             ("ii", (3, 3)), ("ii->i", (3, 3)), ("i,j->ij", (2,), (3,)), ("ij->", (2, 3)),
             ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
             ("...ij,...jk->...ik", (2, 2, 3), (3, 4)),
             ("ij,ij->j", (2, 3), (2, 3)), ("ij,kj,lj->ikl", (2, 3), (2, 3), (2, 3)),
             ("ij,jk->k", (2, 3), (3, 4)), ("ij,jk->ik", (2, 1), (3, 4)), ("i,i", (3,), (3,))]


@pytest.mark.parametrize("equation, shapes", [(e, s) for e, *s in EQUATIONS])
def test_einsum(equation, shapes):
    operands = tuple(random(*s, seed=i) for i, s in enumerate(shapes))
    assert torch.autograd.gradcheck(lambda *xs: torch.einsum(equation, *xs), operands)
    if not any(1 in s for s in shapes):
        wanted = np.einsum(equation, *[host(x) for x in operands])
        assert np.allclose(host(torch.einsum(equation, *operands)), wanted)


@pytest.mark.parametrize("equation, shapes, message", [
    ("ij,jk", [(2, 3)], "fewer operands were provided"),
    ("ij", [(2,)], "does not match the number of dimensions"),
    ("ij,jk", [(2, 3), (4, 5)], "does not broadcast with previously seen size"),
    ("ij->ik", [(2, 3)], "output subscript k does not appear"),
    ("i?->i", [(2, 3)], "invalid subscript"),
])
def test_einsum_says_what_does_not_fit(equation, shapes, message):
    with pytest.raises(RuntimeError, match=message):
        torch.einsum(equation, *[torch.ones(s) for s in shapes])


def test_tensordot_contracts_what_it_is_told():
    a, b = random(2, 3, 4), random(4, 3, 5, seed=1)
    wanted = torch.einsum("ijk,kjl->il", a, b)
    assert torch.allclose(torch.tensordot(a, b, dims=([1, 2], [1, 0])), wanted)
    assert torch.tensordot(a, b, dims=1).shape == (2, 3, 3, 5)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 2), (2, 2, 4)])
def test_factors_multiply_to_the_matrix(shape):
    a = random(*shape)
    q, r = linalg.qr(a)
    u, s, vh = linalg.svd(a, full_matrices=False)
    p, lower, upper = linalg.lu(a)
    for product in (q @ r, u * s.unsqueeze(-2) @ vh, p @ lower @ upper):
        assert torch.allclose(product, a)
    assert torch.allclose(linalg.svdvals(a), s)
    assert torch.allclose(a @ linalg.pinv(a) @ a, a)


def test_symmetric_factors():
    a = positive(4)
    factor = linalg.cholesky(a)
    assert torch.allclose(factor @ factor.mT, a) and bool((factor.triu(1) == 0).all())
    values, vectors = linalg.eigh(a)
    assert torch.allclose(vectors * values @ vectors.mT, a)
    assert torch.allclose(linalg.eigvalsh(a), values)
    b = random(4, 2, seed=1)
    assert torch.allclose(a @ torch.cholesky_solve(b, factor), b)
    assert torch.allclose(torch.cholesky_inverse(factor), linalg.inv(a))


def test_solutions_solve():
    a, b = random(2, 3, 3), random(2, 3, 4, seed=1)
    assert torch.allclose(a @ linalg.solve(a, b), b)
    assert torch.allclose(linalg.solve(a, b.mT, left=False) @ a, b.mT)
    packed, pivots = linalg.lu_factor(a)
    assert torch.allclose(a @ linalg.lu_solve(packed, pivots, b), b)
    upper = linalg.solve_triangular(a, b, upper=True)
    assert torch.allclose(a.triu() @ upper, b)
    assert torch.allclose(linalg.lstsq(a, b).solution, linalg.solve(a, b))


@pytest.mark.parametrize("function", [linalg.inv, linalg.det, linalg.solve, torch.logdet,
                                      linalg.matrix_exp, torch.matrix_power])
def test_gradients_of_square_matrices(function):
    a = positive(3)
    if function is linalg.solve:
        assert torch.autograd.gradcheck(function, (a, random(3, 2)))
    elif function is torch.matrix_power:
        assert torch.autograd.gradcheck(lambda a: function(a, -2), (a,))
    else:
        assert torch.autograd.gradcheck(function, (a,))


def test_the_determinant_of_a_singular_matrix_has_a_gradient():
    a = torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=torch.float64, requires_grad=True)
    torch.det(a).backward()
    assert torch.allclose(a.grad, torch.tensor([[4.0, -2.0], [-2.0, 1.0]], dtype=torch.float64))


def test_what_cannot_be_factorised_raises_linalgerror():
    singular = torch.zeros(2, 2)
    assert issubclass(linalg.LinAlgError, RuntimeError)
    with pytest.raises(linalg.LinAlgError, match="linalg.inv: .* singular"):
        linalg.inv(singular)
    with pytest.raises(linalg.LinAlgError, match="linalg.solve: .* singular"):
        linalg.solve(singular, singular)
    with pytest.raises(linalg.LinAlgError, match="not positive-definite"):
        linalg.cholesky(-torch.eye(2))
    assert linalg.cholesky_ex(-torch.eye(2)).info.item() == 1
    assert linalg.inv_ex(torch.eye(2)).info.item() == 0


@pytest.mark.parametrize("a, message", [
    (torch.ones(2, 3), "must be batches of square matrices, but they are 2 by 3"),
    (torch.ones(2), "must have at least 2 dimensions"),
    (torch.eye(2).long(), "Expected a floating point .* Got Long"),
    (torch.eye(2).half(), "Low precision dtypes not supported. Got Half"),
])
def test_inv_refuses_what_has_no_inverse(a, message):
    with pytest.raises(RuntimeError, match=message):
        linalg.inv(a)


def test_norms_and_ranks_of_matrices():
    a = torch.tensor([[3.0, 0.0], [0.0, -4.0]])
    for order, value in {"fro": 5, "nuc": 7, 2: 4, -2: 3, 1: 4, float("inf"): 4}.items():
        assert linalg.matrix_norm(a, order).item() == pytest.approx(value)
    assert linalg.cond(a).item() == pytest.approx(4 / 3)
    assert linalg.matrix_rank(torch.ones(3, 3)).item() == 1
    assert linalg.matrix_rank(torch.eye(3), hermitian=True).item() == 3


def test_products_of_chains_and_vectors():
    a, b, c = random(2, 5), random(5, 3, seed=1), random(3, 4, seed=2)
    assert torch.allclose(linalg.multi_dot([a, b, c]), a @ b @ c)
    assert torch.chain_matmul(a, b, c).shape == (2, 4)
    x, y = random(4, 3), random(4, 3, seed=1)
    z = torch.cross(x, y, dim=1)
    assert torch.allclose((z * x).sum(1), torch.zeros(4, dtype=torch.float64), atol=1e-12)
    assert torch.kron(torch.eye(2), torch.ones(1, 2)).tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]
    assert torch.trace(torch.ones(3, 2)).item() == 2


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 3.0, float("inf")])
def test_distances(p):
    x, y = random(3, 2), random(4, 2, seed=1)
    wanted = torch.stack([torch.stack([torch.dist(a, b, p) for b in y]) for a in x])
    assert torch.allclose(torch.cdist(x, y, p), wanted)
    assert torch.autograd.gradcheck(lambda x, y: torch.cdist(x, y, p), (x, y))


@pytest.mark.parametrize("hermitian", [False, True])
def test_ldl_factors_solve_indefinite_systems(hermitian):
    pytest.importorskip("scipy")
    a = torch.tensor([[0., 2j, 1.], [-2j, 1., 3.], [1., 3., -2.]], dtype=torch.complex128)
    a = a if hermitian else (a + a.mT) / 2 + 1j
    b = torch.tensor([[1.], [2.], [3.]], dtype=torch.complex128)
    packed, pivots, info = torch.linalg.ldl_factor_ex(a, hermitian=hermitian)
    x = torch.linalg.ldl_solve(packed, pivots, b, hermitian=hermitian)
    assert info.item() == 0 and pivots.dtype is torch.int32
    assert torch.allclose(a @ x, b)


def test_complex_factorisations_have_the_gradient_of_their_product():
    """L Lᴴ, Q R, U S Vᴴ and V Λ Vᴴ are the matrix again, so its gradient has to come through."""
    x = torch.tensor([[2., 1j, 0.5], [-1j, 3., 0.2j], [0.5, -0.2j, 4.]], dtype=torch.complex128,
                     requires_grad=True)
    g = torch.tensor([[1., 2j, 0.], [-2j, 0.5, 1.], [0., 1., 3.]], dtype=torch.complex128)

    def through(remade):
        return torch.autograd.grad(remade, x, g)[0]

    lower = torch.linalg.cholesky(x)
    q, r = torch.linalg.qr(x)
    u, s, vh = torch.linalg.svd(x)
    values, vectors = torch.linalg.eigh(x)
    for remade in (lower @ lower.mH, q @ r, u * s @ vh, vectors * values @ vectors.mH):
        assert torch.allclose(through(remade), g)
