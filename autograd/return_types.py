"""Results with named parts, such as `max(dim)`'s values and indices: `torch.return_types`."""

from operator import itemgetter

__all__ = []


class _Named(tuple):
    """A tuple whose items have names; made from its items one by one."""

    __slots__ = ()
    _fields = ()

    def __new__(cls, *items):
        if len(items) == 1 and len(cls._fields) > 1:
            items = items[0]
        return tuple.__new__(cls, items)

    def __reduce__(self):
        return type(self), tuple(self)

    def __repr__(self):
        items = ",\n".join(f"{name}={item!r}" for name, item in zip(self._fields, self))
        return f"torch.return_types.{type(self).__name__}(\n{items})"


def _named(name, *fields):
    members = {field: property(itemgetter(i)) for i, field in enumerate(fields)}
    __all__.append(name)
    return type(name, (_Named,), {
        "__slots__": (), "__module__": __name__, "__match_args__": fields, "_fields": fields,
        "__doc__": f"What `{name}` returns: {', '.join(fields)}.", **members})


# The names are PyTorch's; Python's own min and max are not needed here.
max = _named("max", "values", "indices")
min = _named("min", "values", "indices")
aminmax = _named("aminmax", "min", "max")
cummax = _named("cummax", "values", "indices")
cummin = _named("cummin", "values", "indices")
sort = _named("sort", "values", "indices")
topk = _named("topk", "values", "indices")
kthvalue = _named("kthvalue", "values", "indices")
median = _named("median", "values", "indices")
nanmedian = _named("nanmedian", "values", "indices")
mode = _named("mode", "values", "indices")
histogram = _named("histogram", "hist", "bin_edges")
histogramdd = _named("histogramdd", "hist", "bin_edges")
frexp = _named("frexp", "mantissa", "exponent")
qr = _named("qr", "Q", "R")
svd = _named("svd", "U", "S", "V")
slogdet = _named("slogdet", "sign", "logabsdet")
geqrf = _named("geqrf", "a", "tau")
triangular_solve = _named("triangular_solve", "solution", "cloned_coefficient")
linalg_cholesky_ex = _named("linalg_cholesky_ex", "L", "info")
linalg_eig = _named("linalg_eig", "eigenvalues", "eigenvectors")
linalg_eigh = _named("linalg_eigh", "eigenvalues", "eigenvectors")
linalg_inv_ex = _named("linalg_inv_ex", "inverse", "info")
linalg_lstsq = _named("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
linalg_lu = _named("linalg_lu", "P", "L", "U")
linalg_lu_factor = _named("linalg_lu_factor", "LU", "pivots")
linalg_lu_factor_ex = _named("linalg_lu_factor_ex", "LU", "pivots", "info")
linalg_ldl_factor = _named("linalg_ldl_factor", "LD", "pivots")
linalg_ldl_factor_ex = _named("linalg_ldl_factor_ex", "LD", "pivots", "info")
linalg_qr = _named("linalg_qr", "Q", "R")
linalg_solve_ex = _named("linalg_solve_ex", "result", "info")
linalg_svd = _named("linalg_svd", "U", "S", "Vh")
lu_unpack = _named("lu_unpack", "P", "L", "U")
