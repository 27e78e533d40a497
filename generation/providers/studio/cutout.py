"""What stands out from its ground, without the ground: graph cuts on a small copy, then an edge as fine as the picture.

The alpha follows the picture's own edges (guided filter, He et al. 2010, in its fast form) and what shines through at
the edge is the subject's colour, not the ground's (blur fusion, Forte 2021).
"""

import cv2
import numpy as np
import numpy.typing as npt

from generation.providers.studio.noise import Floats, as_floats, smoothstep
from generation.providers.studio.pixels import Pixels, over_white, read_picture, resize, shrink, to_floats
from generation.providers.studio.request import Progress, Refused, StudioRequest

# Long side, in pixels, of the copies on which the subject is found and on which its edge is modelled.
FOUND_AT, MODELLED_AT = 320, 1400
ROUNDS = 3
# Half the picture's height is as far from its border's colours as this many steps of lightness.
HEIGHT_COUNTS = 22.0
# A subject covers at least and at most this share of the picture.
LEAST, MOST = 0.004, 0.985
# More than this is no subject but the picture itself.
LARGE_SUBJECT = 0.7
# A difference of colour that the eye takes for an edge, and how much of an outline must be one.
CLEAR_STEP, CLEAR_SHARE = 24.0, 0.9


def cut_out(request: StudioRequest, seed: int, progress: Progress) -> Pixels:
    """RGBA of the source's size. Raises `Refused` when nothing stands out."""
    del seed  # Nothing is left to chance.
    pixels = read_picture(request.source)
    shown = over_white(pixels)
    progress.stage(0.45)
    found = find_subject(shown, progress)
    if not LEAST < float(found.mean()) < MOST:
        raise Refused("no-subject", "nothing stands out from its ground")
    progress.stage(0.2)
    alpha = refine(shown, found, progress)
    if pixels.shape[2] == 4:
        alpha = as_floats(alpha * (as_floats(pixels[..., 3]) / 255))
    progress.stage(0.28)
    return np.dstack([_decontaminate(shown, alpha, progress), np.clip(alpha * 255 + 0.5, 0, 255).astype(np.uint8)])


def find_subject(pixels: Pixels, progress: Progress) -> Floats:
    """A mask of 0 and 1 on a small copy of an RGB picture, whose long side is at most `FOUND_AT`."""
    small = shrink(pixels, side=FOUND_AT)
    # Grain is neither ground nor subject.
    small = np.asarray(cv2.bilateralFilter(small, 5, 24, 3), np.uint8)
    progress.tick()
    distance = _strangeness(small, progress)
    labels = _first_guess(distance)
    back, front = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(7)
    for at in range(ROUNDS):
        mode = cv2.GC_INIT_WITH_MASK if at == 0 else cv2.GC_EVAL
        try:
            cv2.grabCut(small, labels, (0, 0, 0, 0), back, front, 1, mode)
        except cv2.error:
            # One of the two has no pixel left: nothing stands out.
            return as_floats(np.zeros(labels.shape))
        progress.tick()
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return as_floats(_tidy(found, small))


def _strangeness(small: Pixels, progress: Progress) -> Floats:
    """How unlike the picture's border each pixel is, 0 to 1, a little more in the middle than at the sides."""
    lab = as_floats(cv2.cvtColor(small, cv2.COLOR_RGB2LAB))
    height, width = lab.shape[:2]
    # Where on the side a colour lies counts too: dark earth below does not make dark hair above part of the ground.
    down = np.broadcast_to(
        np.linspace(-1, 1, height, dtype=np.float32)[:, None, None] * HEIGHT_COUNTS, (*lab.shape[:2], 1)
    )
    looks = as_floats(np.concatenate([lab, down], axis=2))
    rim = max(2, round(min(height, width) * 0.03))
    # The bottom edge is left out: people and things often stand on it.
    border = as_floats(np.concatenate([part.reshape(-1, 4) for part in (looks[:rim], looks[:, :rim], looks[:, -rim:])]))
    criteria = (cv2.TERM_CRITERIA_MAX_ITER + cv2.TERM_CRITERIA_EPS, 12, 0.5)
    cv2.setRNGSeed(7)
    nobody = np.zeros((len(border), 1), np.int32)
    _error, owner, centres = cv2.kmeans(border, 9, nobody, criteria, 1, cv2.KMEANS_PP_CENTERS)
    progress.tick()
    nearest = np.full((height, width), np.inf, np.float32)
    for at, centre in enumerate(centres):
        mine = border[owner[:, 0] == at]
        if len(mine) < len(border) * 0.02:
            continue
        spread = mine.std(axis=0) + as_floats([9.0, 4.5, 4.5, HEIGHT_COUNTS / 2])
        nearest = np.minimum(nearest, np.sqrt((((looks - centre) / spread) ** 2).sum(axis=2)))
    progress.tick()
    ys, xs = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    middle = np.exp(-(xs**2 + (ys * 0.85) ** 2) / (2 * 0.52**2))
    strange = cv2.GaussianBlur(nearest, (0, 0), max(0.8, width * 0.004)) / 6
    return as_floats(np.clip(strange, 0, 1) * (0.45 + 0.55 * middle) + 0.12 * (middle - 0.5))


def _first_guess(distance: Floats) -> Pixels:
    """GrabCut's labels: surely ground at the sides where it looks like it, surely subject where it is strangest."""
    height, width = distance.shape
    level, _ = cv2.threshold((np.clip(distance, 0, 1) * 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    level = min(0.6, max(0.12, level / 255))
    labels = np.where(distance > level, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    sure = distance > max(level * 1.5, float(np.quantile(distance, 0.9)))
    labels[cv2.erode(sure.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = cv2.GC_FGD
    edge = np.zeros_like(labels, bool)
    rim = max(2, round(min(height, width) * 0.02))
    edge[:rim], edge[:, :rim], edge[:, -rim:] = True, True, True
    labels[edge & (distance < level * 1.6)] = cv2.GC_BGD
    labels[distance < level * 0.25] = cv2.GC_BGD
    return labels


def _tidy(found: Pixels, small: Pixels) -> Pixels:
    """Without crumbs and pinholes; of several forms those that are large and have an outline, as things do."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    found = np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, kernel), np.uint8)
    count, parts, figures, _ = cv2.connectedComponentsWithStats(found, connectivity=4)
    if count > 1:
        lab = as_floats(cv2.cvtColor(small, cv2.COLOR_RGB2LAB))
        areas = figures[1:, cv2.CC_STAT_AREA].astype(float)
        large = [part for part in range(1, count) if areas[part - 1] >= areas.max() / 40]
        worth = {part: areas[part - 1] ** 0.5 * _outline(parts == part, lab) ** 2 for part in large}
        best = max(worth.values())
        found = np.isin(parts, [part for part in large if worth[part] >= best * 0.55]).astype(np.uint8)
    count, holes, figures, _ = cv2.connectedComponentsWithStats(1 - found, connectivity=4)
    pinholes = np.flatnonzero(figures[:, cv2.CC_STAT_AREA] < found.size * 0.0012)
    found[np.isin(holes, pinholes)] = 1
    return found


def _outline(mask: npt.NDArray[np.bool_], lab: Floats) -> float:
    """The share of a form's outline, 0 to 1, along which its colours differ from what is around it."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    rim = mask & ~inner
    rim[[0, -1], :], rim[:, [0, -1]] = False, False
    if not rim.any():
        return 0.0
    share = mask.astype(np.float32)
    sides = []
    for part in (share, 1 - share):
        weight = cv2.GaussianBlur(part, (0, 0), 2.0)[..., None]
        sides.append(cv2.GaussianBlur(lab * part[..., None], (0, 0), 2.0) / np.maximum(weight, 1e-3))
    apart = np.sqrt(((sides[0] - sides[1])[rim] ** 2).sum(axis=1))
    return float((apart > CLEAR_STEP).mean())


def clear_subject(pixels: Pixels, progress: Progress) -> Floats:
    """As `find_subject`, but nothing at all when what was found has no clear outline, as in a landscape."""
    found = find_subject(pixels, progress)
    lab = as_floats(cv2.cvtColor(shrink(pixels, side=FOUND_AT), cv2.COLOR_RGB2LAB))
    share = _outline(found > 0, lab)
    is_clear = LEAST < float(found.mean()) < LARGE_SUBJECT and share > CLEAR_SHARE
    return found if is_clear else as_floats(np.zeros_like(found))


def refine(pixels: Pixels, found: Floats, progress: Progress) -> Floats:
    """Alpha, 0 to 1, in the size of the RGB `pixels`, whose edge is where the picture's is."""
    height, width = pixels.shape[:2]
    guide = shrink(pixels, side=MODELLED_AT)
    rows, columns = guide.shape[:2]
    step = max(rows, columns) / max(found.shape)
    mask = as_floats(cv2.resize(found, (columns, rows), interpolation=cv2.INTER_CUBIC))
    mask = smoothstep(0.15, 0.85, as_floats(cv2.GaussianBlur(mask, (0, 0), step * 0.6)))
    progress.tick()
    a, b = _linear_model(to_floats(guide), mask, max(2, round(step * 2.2)), 4e-4)
    progress.tick()
    if (rows, columns) != (height, width):
        a, b = (as_floats(cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)) for part in (a, b))
    alpha = b
    for channel in range(3):
        alpha = as_floats(alpha + a[..., channel] * (as_floats(pixels[..., channel]) / 255))
    progress.tick()
    # Only near the edge may the picture speak: inside and outside are settled.
    reach = max(3, round(step * 3)) | 1
    kernel = np.ones((reach, reach), np.uint8)
    solid = (mask > 0.5).astype(np.uint8)
    inner, outer = cv2.erode(solid, kernel), cv2.dilate(solid, kernel)
    if (rows, columns) != (height, width):
        inner, outer = (cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in (inner, outer))
    sharp = smoothstep(0.12, 0.88, as_floats(alpha))
    return as_floats(np.maximum(np.minimum(sharp, outer), inner))


def _linear_model(guide: Floats, mask: Floats, radius: int, softness: float) -> tuple[Floats, Floats]:
    """The colour guided filter's coefficients: mask ≈ a · colour + b around each pixel."""
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(part: Floats) -> Floats:
        return as_floats(cv2.blur(part, window))

    middle, level = mean(guide), mean(mask)
    covariance = np.stack([mean(as_floats(guide[..., c] * mask)) - middle[..., c] * level for c in range(3)], axis=-1)
    spread = np.empty((*mask.shape, 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            both = mean(as_floats(guide[..., i] * guide[..., j])) - middle[..., i] * middle[..., j]
            spread[..., i, j] = spread[..., j, i] = both + (softness if i == j else 0)
    a = _solve(spread, as_floats(covariance))
    b = level - (a * middle).sum(axis=-1)
    return mean(a), mean(as_floats(b))


def _solve(matrix: Floats, vector: Floats) -> Floats:
    """Symmetric 3 × 3 systems for every pixel by their cofactors: ten times as fast as the general solver."""
    a, b, c = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 0, 2]
    d, e, f = matrix[..., 1, 1], matrix[..., 1, 2], matrix[..., 2, 2]
    aa, ab, ac = d * f - e * e, c * e - b * f, b * e - c * d
    bb, bc, cc = a * f - c * c, b * c - a * e, a * d - b * b
    determinant = a * aa + b * ab + c * ac
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    solved = np.stack([aa * x + ab * y + ac * z, ab * x + bb * y + bc * z, ac * x + bc * y + cc * z], axis=-1)
    return as_floats(solved / np.maximum(determinant, 1e-14)[..., None])


def _decontaminate(pixels: Pixels, alpha: Floats, progress: Progress) -> Pixels:
    """The subject's own colours where the ground shines through its edge."""
    height, width = alpha.shape
    result = pixels.copy()
    # Colours vary slowly: the subject's and the ground's are estimated small.
    small = shrink(pixels, side=700)
    size = (small.shape[1], small.shape[0])
    share = as_floats(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA))[..., None]
    colours = as_floats(small) / 255
    subject, ground = colours, colours
    for sigma in (12.0, 3.0):
        weights = [as_floats(cv2.GaussianBlur(part, (0, 0), sigma)) for part in (share[..., 0], 1 - share[..., 0])]
        front = as_floats(cv2.GaussianBlur(as_floats(subject * share), (0, 0), sigma)) / (weights[0][..., None] + 1e-4)
        back = as_floats(cv2.GaussianBlur(as_floats(ground * (1 - share)), (0, 0), sigma)) / (
            weights[1][..., None] + 1e-4
        )
        subject = np.clip(front + share * (colours - share * front - (1 - share) * back), 0, 1)
        ground = np.clip(back, 0, 1)
        progress.tick()
    estimate = resize(np.clip(subject * 255 + 0.5, 0, 255).astype(np.uint8), (width, height))
    edge = alpha < 0.985
    result[edge] = estimate[edge]
    # What nobody sees need not be kept, nor can it be brought back from the file.
    result[alpha < 0.002] = 0
    progress.tick()
    return result
