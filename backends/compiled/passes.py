"""The text of generated kernels that reduce: several passes over each row, or over everything.

A value belongs to the elements or, once something is summed up, to the whole row. Values of a row
are known only after the pass that sums, so what needs them is computed in the next pass; what a
later pass needs of the elements again is computed again, while the row is in the cache. Sums are
in float64.
"""

import re

__all__ = ["text_of_rows", "text_of_whole"]

_SUM = re.compile(r"(\w+) = (add|maximum|minimum)_over\((\w+)\)")
_START = {"add": "0.0", "maximum": "C(-inf)", "minimum": "C(inf)"}
_STEP = {"add": "{0} += {1}", "maximum": "{0} = maximum({0}, {1})",
         "minimum": "{0} = -maximum(-{0}, -{1})"}
_ROWS = """\
@{compiler}
def kernel({arguments}, size, width, parts):
    rows = size // width
    for part in {range}(parts):
        for row in range(part * rows // parts, (part + 1) * rows // parts):
            start, stop = row * width, (row + 1) * width
{body}
"""
_WHOLE = """\
@{compiler}
def kernel({arguments}, size, width, parts):
{body}
"""


class _Plan:
    """Which line is computed in which pass.

    Args:
        layouts, lines, results: as for `generated.Loop`.
    """

    def __init__(self, layouts, lines, results):
        self.elements = {f"x{i}" for i, layout in enumerate(layouts) if layout in ("full", "row")}
        self.phases = {f"x{i}": 0 for i in range(len(layouts))}
        self.lines, self.reads, self.sums = {}, {}, {}
        self.results = results
        for line in lines:
            name, text = line.split(" = ", 1)
            self.lines[name], self.reads[name] = line, re.findall(r"\b[xt]\d+\b", text)
            self.phases[name] = max([self.phases[n] for n in self.reads[name]], default=0)
            found = _SUM.match(line)
            if found:
                self.sums[name] = found.groups()[1:]
                self.phases[name] += 1
            elif not self.elements.isdisjoint(self.reads[name]):
                self.elements.add(name)
        self.count = max(self.phases.values()) + 1

    def of_rows(self, phase, sums):
        """Return the lines of values of a row that are known before a pass.

        Args:
            sums: what the names of variables begin with that hold sums.
        """
        return [f"{name} = C({sums}{name})" if name in self.sums else self.lines[name]
                for name in self.lines if self.phases[name] == phase and name not in self.elements]

    def sums_of(self, phase):
        """Return what a pass sums up: pairs of name and (how, of what)."""
        return [(n, s) for n, s in self.sums.items() if self.phases[n] == phase + 1]

    def loop(self, phase):
        """Return the lines of a pass, without those that begin its sums, or none."""
        sums = self.sums_of(phase)
        stores = [(i, r.name) for i, r in enumerate(self.results)
                  if r.is_wide and self.phases[r.name] == phase]
        needed, stack = set(), [s[1] for _, s in sums] + [name for _, name in stores]
        while stack:
            name = stack.pop()
            if name in self.elements and name not in needed:
                needed.add(name)
                stack += self.reads.get(name, ())
        lines = [f"{n} = b{n[1:]}[i]" for n in sorted(needed) if n[0] == "x"]
        lines += [line for name, line in self.lines.items() if name in needed]
        lines += [_STEP[how].format(f"s{n}", of) for n, (how, of) in sums]
        lines += [f"z{i}[i] = {name}" for i, name in stores]
        return ["for i in range(stop - start):", *["    " + line for line in lines]] if (
            sums or stores) else []


def _slices(layouts, results):
    return [f"b{i} = a{i}[start:stop]" if layout == "full" else f"b{i} = a{i}"
            for i, layout in enumerate(layouts) if layout in ("full", "row")] + [
        f"z{i} = y{i}[start:stop]" for i, r in enumerate(results) if r.is_wide]


def _arguments(layouts, results):
    return ", ".join([*[f"a{i}" for i in range(len(layouts))],
                      *[f"y{i}" for i in range(len(results))]])


def text_of_rows(layouts, lines, results, threaded):
    """Return the kernel for sums over rows; `column` inputs and results have a value a row."""
    plan = _Plan(layouts, lines, results)
    body = _slices(layouts, results)
    body += [f"x{i} = a{i}[{'row' if layout == 'column' else 0}]"
             for i, layout in enumerate(layouts) if layout in ("one", "column")]
    for phase in range(plan.count):
        body += plan.of_rows(phase, "s")
        body += [f"s{name} = {_START[how]}" for name, (how, _) in plan.sums_of(phase)]
        body += plan.loop(phase)
    body += [f"y{i}[row] = {r.name}" for i, r in enumerate(results) if not r.is_wide]
    return _ROWS.format(
        compiler="parallel" if threaded else "serial", range="prange" if threaded else "range",
        arguments=_arguments(layouts, results),
        body="\n".join(" " * 12 + line for line in body))


def text_of_whole(layouts, lines, results, threaded):
    """Return the kernel for sums over everything: each pass is divided among the threads."""
    layouts = [{"row": "full", "column": "one"}.get(layout, layout) for layout in layouts]
    plan, loop = _Plan(layouts, lines, results), "prange" if threaded else "range"
    body = [f"x{i} = a{i}[0]" for i, layout in enumerate(layouts) if layout == "one"]
    for phase in range(plan.count):
        body += plan.of_rows(phase, "m")
        inner, sums = plan.loop(phase), plan.sums_of(phase)
        if not inner:
            continue
        body += [f"p{name} = np.empty(parts)" for name, _ in sums]
        body += [f"for part in {loop}(parts):",
                 "    start, stop = part * width // parts, (part + 1) * width // parts"]
        begin = [f"s{name} = {_START[how]}" for name, (how, _) in sums]
        end = [f"p{name}[part] = s{name}" for name, _ in sums]
        body += ["    " + line for line in (*_slices(layouts, results), *begin, *inner, *end)]
        for name, (how, _) in sums:
            body += [f"m{name} = p{name}[0]", "for part in range(1, parts):",
                     "    " + _STEP[how].format(f"m{name}", f"p{name}[part]")]
    body += [f"y{i}[0] = {r.name}" for i, r in enumerate(results) if not r.is_wide]
    return _WHOLE.format(compiler="parallel" if threaded else "serial",
                         arguments=_arguments(layouts, results),
                         body="\n".join(" " * 4 + line for line in body))
