"""Linear algebra: `torch.linalg`.

Source: https://docs.pytorch.org/docs/stable/linalg.html
"""

from .autograd.op import RECORDS as _RECORDS
from .autograd.ops.decomposition import LinAlgError as LinAlgError
from .autograd.ops.ldl import (
    ldl_factor as ldl_factor,
)
from .autograd.ops.ldl import (
    ldl_factor_ex as ldl_factor_ex,
)
from .autograd.ops.ldl import (
    ldl_solve as ldl_solve,
)
from .autograd.ops.linalg import matmul as matmul
from .autograd.ops.matrices import (
    cond as cond,
)
from .autograd.ops.matrices import (
    linalg_cross as cross,
)
from .autograd.ops.matrices import (
    linalg_diagonal as diagonal,
)
from .autograd.ops.matrices import (
    matrix_exp as matrix_exp,
)
from .autograd.ops.matrices import (
    matrix_norm as matrix_norm,
)
from .autograd.ops.matrices import (
    matrix_power as matrix_power,
)
from .autograd.ops.matrices import (
    matrix_rank as matrix_rank,
)
from .autograd.ops.matrices import (
    multi_dot as multi_dot,
)
from .autograd.ops.matrices import (
    norm as norm,
)
from .autograd.ops.matrices import (
    pinv as pinv,
)
from .autograd.ops.matrices import (
    tensorinv as tensorinv,
)
from .autograd.ops.matrices import (
    tensorsolve as tensorsolve,
)
from .autograd.ops.matrices import (
    vander as vander,
)
from .autograd.ops.matrices import (
    vecdot as vecdot,
)
from .autograd.ops.matrices import (
    vector_norm as vector_norm,
)
from .autograd.ops.reflections import householder_product as householder_product
from .autograd.ops.solving import (
    cholesky_ex as cholesky_ex,
)
from .autograd.ops.solving import (
    eigh as eigh,
)
from .autograd.ops.solving import (
    eigvalsh as eigvalsh,
)
from .autograd.ops.solving import (
    inv_ex as inv_ex,
)
from .autograd.ops.solving import (
    linalg_cholesky as cholesky,
)
from .autograd.ops.solving import (
    linalg_lu as lu,
)
from .autograd.ops.solving import (
    linalg_lu_solve as lu_solve,
)
from .autograd.ops.solving import (
    linalg_qr as qr,
)
from .autograd.ops.solving import (
    linalg_svd as svd,
)
from .autograd.ops.solving import (
    lstsq as lstsq,
)
from .autograd.ops.solving import (
    lu_factor as lu_factor,
)
from .autograd.ops.solving import (
    lu_factor_ex as lu_factor_ex,
)
from .autograd.ops.solving import (
    solve as solve,
)
from .autograd.ops.solving import (
    solve_ex as solve_ex,
)
from .autograd.ops.solving import (
    solve_triangular as solve_triangular,
)

globals().update((record.name, record.call) for record in _RECORDS.values()
                 if "linalg" in record.namespaces)
