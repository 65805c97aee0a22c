"""Line search to a point that satisfies the strong Wolfe conditions.

Source: Nocedal, Wright, Numerical Optimization, algorithms 3.5 and 3.6, with the safeguards of
M. Schmidt's minFunc, whose numbers PyTorch follows.
"""


def cubic_minimum(x1, f1, g1, x2, f2, g2, bounds=None):
    """Return where the cubic through two points with slopes is least, within bounds.

    Args:
        x1, f1, g1: position, value and slope at one point; x2, f2, g2: at the other.
        bounds: smallest and largest answer; the two positions if None.
    """
    low, high = bounds or ((x1, x2) if x1 <= x2 else (x2, x1))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1**2 - g1 * g2
    if not square >= 0:
        return (low + high) / 2.0
    d2 = square**0.5
    if x1 <= x2:
        best = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        best = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(best, low), high)


def strong_wolfe(
    probe, t, size, f, g, slope, c1=1e-4, c2=0.9, tolerance_change=1e-9, max_ls=25
):
    """Return loss, gradient, step length and number of probes of a step along d.

    Args:
        probe: function from step length to loss, gradient and slope along d there.
        t: first step length to try.
        size: largest element of d.
        f, g, slope: loss, gradient and slope at step length 0.
        c1, c2: how much the loss must fall, how much the slope must flatten.
        tolerance_change: smallest step worth refining.
        max_ls: most refinements.
    """
    start = (0, f, g, slope)
    bracket, done, probes = _bracket(probe, t, start, c1, c2, max_ls)
    # From here on one end of the bracket is its lower one; the minimum lies between.
    low, high = (0, 1) if bracket[0][1] <= bracket[-1][1] else (1, 0)
    stuck = False
    while not done and probes <= max_ls:
        (ta, fa, _, sa), (tb, fb, _, sb) = bracket
        if abs(tb - ta) * size < tolerance_change:
            break
        t, stuck = _keep_off_ends(cubic_minimum(ta, fa, sa, tb, fb, sb), ta, tb, stuck)
        point = (t, *probe(t))
        probes += 1
        _, f_new, _, slope_new = point
        if f_new > f + c1 * t * slope or f_new >= bracket[low][1]:
            bracket[high] = point
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            done = abs(slope_new) <= -c2 * slope
            if not done and slope_new * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = point
    t, f_new, g_new, _ = bracket[low]
    return f_new, g_new, t, probes


def _bracket(probe, t, start, c1, c2, max_ls):
    """Lengthen the step until a minimum lies between two points, or one satisfies both rules.

    Returns the points (one if it satisfies), whether it does, and the number of probes.
    """
    _, f, _, slope = start
    previous, point = start, (t, *probe(t))
    for tries in range(max_ls):
        t, f_new, _, slope_new = point
        if f_new > f + c1 * t * slope or (tries > 1 and f_new >= previous[1]):
            return [previous, point], False, tries + 1
        if abs(slope_new) <= -c2 * slope:
            return [point], True, tries + 1
        if slope_new >= 0:
            return [previous, point], False, tries + 1
        t_before, f_before, _, slope_before = previous
        bounds = (t + 0.01 * (t - t_before), t * 10)
        t_next = cubic_minimum(t_before, f_before, slope_before, t, f_new, slope_new, bounds)
        previous, point = point, (t_next, *probe(t_next))
    return [start, point], False, max(max_ls, 0) + 1


def _keep_off_ends(t, ta, tb, stuck):
    """A trial length at least a tenth of the bracket from its ends, every second time."""
    low, high = min(ta, tb), max(ta, tb)
    margin = 0.1 * (high - low)
    if min(high - t, t - low) >= margin:
        return t, False
    if stuck or t >= high or t <= low:
        return (high - margin if abs(t - high) < abs(t - low) else low + margin), False
    return t, True
