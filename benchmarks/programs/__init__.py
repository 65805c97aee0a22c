"""Public PyTorch programs, run unchanged under PyTorch and under ember, and their results compared.

    python -m benchmarks.programs FOLDER [NAME ...] [--rounds N] [--json]

None of the programs is part of this repository. FOLDER holds clones of the repositories that
`table.py` names, each in a folder called as the repository is; what is absent is left out and
said so. The result is kept in benchmarks/results and shown in docs/compatibility.md.
"""
