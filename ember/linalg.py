"""Linear algebra: `torch.linalg`.

Source: https://docs.pytorch.org/docs/stable/linalg.html
"""

from .autograd.op import RECORDS as _RECORDS
from .autograd.ops.decomposition import LinAlgError as LinAlgError
from .autograd.ops.linalg import matmul as matmul
from .autograd.ops.matrices import (
    cond as cond,
    linalg_cross as cross,
    linalg_diagonal as diagonal,
    matrix_exp as matrix_exp,
    matrix_norm as matrix_norm,
    matrix_power as matrix_power,
    matrix_rank as matrix_rank,
    multi_dot as multi_dot,
    norm as norm,
    pinv as pinv,
    tensorinv as tensorinv,
    tensorsolve as tensorsolve,
    vander as vander,
    vecdot as vecdot,
    vector_norm as vector_norm,
)
from .autograd.ops.reflections import householder_product as householder_product
from .autograd.ops.solving import (
    cholesky_ex as cholesky_ex,
    eigh as eigh,
    eigvalsh as eigvalsh,
    inv_ex as inv_ex,
    linalg_cholesky as cholesky,
    linalg_lu as lu,
    linalg_lu_solve as lu_solve,
    linalg_qr as qr,
    linalg_svd as svd,
    lstsq as lstsq,
    lu_factor as lu_factor,
    lu_factor_ex as lu_factor_ex,
    solve as solve,
    solve_ex as solve_ex,
    solve_triangular as solve_triangular,
)

globals().update((record.name, record.call) for record in _RECORDS.values()
                 if "linalg" in record.namespaces)
