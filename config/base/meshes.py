"""Safe intake of the meshes that providers made: judged, cleaned and pictured in a child process with limits."""

from pathlib import Path

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from config.base.limited import Beat, ChildRefused, Limits, ask
from config.base.media import MAX_FACES, MAX_MESH_BYTES, Media, MediaError

LIMITS = Limits(memory_bytes=3 << 30, cpu_seconds=90, wall_seconds=180.0)


def prepare_mesh(
    source: Path,
    folder: Path,
    *,
    watermark_text: str | None,
    xmp: bytes = b"",
    limits: Limits = LIMITS,
    beat: Beat | None = None,
) -> Media:
    """Clean a GLB that a provider made: everything in the one file, no texts in it; its geometry and looks as they are.

    Writes `original`, the thumbnails `thumb-320` … of a poster that we draw and, with `watermark_text`, `marked` and
    `marked-320` … into `folder`. What is marked in a GLB are its base colour textures; one without any is `marked` as
    it is, and only its posters show the mark. Width and height are the poster's; `faces` counts the triangles shown.
    `xmp` goes into the posters. `beat` is called while it works. Raises `MediaError` and `DecoderFailed`.
    """
    request = {
        "source": str(source.resolve()),
        "folder": str(folder.resolve()),
        "watermark_text": watermark_text,
        "xmp": xmp.decode(),
    }
    try:
        return ask("config.base.meshing", request, limits, beat=beat)
    except ChildRefused as refused:
        raise _refusal(str(refused)) from refused


def _refusal(code: str) -> MediaError:
    if code == "unsupported":
        sentence = _(
            "The provider delivered something that is not a 3D model as GLB. Nothing was charged; try another."
        )
        return MediaError(sentence, code="unsupported_mesh")
    if code == "external":
        sentence = _("The 3D model refers to files that are not in it. Nothing was charged; try another model.")
        return MediaError(sentence, code="unsupported_mesh")
    if code in {"too_large", "too_heavy"}:
        sentence = _(
            "The 3D model is too large: at most %(size)s and %(faces)d faces fit. "
            "Nothing was charged; ask for a lower quality."
        )
        limits = {"size": filesizeformat(MAX_MESH_BYTES), "faces": MAX_FACES}
        return MediaError(sentence % limits, code="mesh_too_large")
    sentence = _("The provider delivered a damaged 3D model. Nothing was charged; try again.")
    return MediaError(sentence, code="broken_mesh")
