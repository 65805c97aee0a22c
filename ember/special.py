"""Special functions: `torch.special`.

Source: https://docs.pytorch.org/docs/stable/special.html
"""

from .autograd.op import RECORDS as _RECORDS
from .autograd.ops.special import mvlgamma as multigammaln

# Names of this module: names of the records that `torch` has under another name, or as well.
_ELSEWHERE = {
    "exp2": "exp2", "expit": "sigmoid", "expm1": "expm1", "gammainc": "igamma",
    "gammaincc": "igammac", "gammaln": "lgamma", "log1p": "log1p", "logsumexp": "logsumexp",
    "polygamma": "polygamma", "psi": "digamma",
}

_functions = {record.name: record.call for record in _RECORDS.values()
              if "special" in record.namespaces}
_functions.update((name, _RECORDS[first].call) for name, first in _ELSEWHERE.items())
globals().update(_functions)

__all__ = ["multigammaln", *_functions]
