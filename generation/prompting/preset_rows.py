"""The styles of a fresh installation, in their order. Names go through gettext where they are shown."""

from typing import Any

from django.utils.translation import gettext_noop as _

_PHOTO = "drawing, painting, cartoon, 3d render, text, watermark"
_DRAWN = "photo, photorealistic, 3d render, text, watermark"

PRESETS: list[dict[str, Any]] = [
    {
        "slug": "cinematic",
        "name": _("Cinematic"),
        "template": "{prompt}, cinematic film still, anamorphic lens, shallow depth of field, dramatic side light, "
        "teal and amber grade, fine grain",
        "negative": "flat light, overexposed, cartoon, text, watermark",
    },
    {
        "slug": "analog-film",
        "name": _("Analog film"),
        "template": "{prompt}, 35mm analog photograph, warm faded colours, soft grain, slight halation, natural light",
        "negative": f"digital sharpness, hdr, {_PHOTO}",
    },
    {
        "slug": "golden-hour",
        "name": _("Golden hour"),
        "template": "{prompt}, photographed at golden hour, low warm sun, long shadows, rim light, gentle haze",
        "negative": f"harsh noon light, grey sky, {_PHOTO}",
    },
    {
        "slug": "studio-portrait",
        "name": _("Studio portrait"),
        "template": "{prompt}, studio portrait photograph, 85mm lens, softbox key light, seamless dark backdrop, "
        "catchlights in the eyes, natural skin texture",
        "negative": f"harsh flash, cluttered background, plastic skin, deformed hands, {_PHOTO}",
    },
    {
        "slug": "product-shot",
        "name": _("Product shot"),
        "template": "{prompt}, product photograph, clean seamless background, large softbox, soft reflection below, "
        "crisp focus, catalogue quality",
        "negative": f"clutter, people, hard shadows, {_PHOTO}",
    },
    {
        "slug": "architectural",
        "name": _("Architectural"),
        "template": "{prompt}, architectural photograph, tilt-shift lens, straight verticals, clear morning light, "
        "precise materials, wide composition",
        "negative": f"leaning walls, distortion, crowds, {_PHOTO}",
    },
    {
        "slug": "watercolour",
        "name": _("Watercolour"),
        "template": "{prompt}, watercolour painting, loose wet washes, soft bleeding edges, visible cold-pressed paper",
        "negative": _DRAWN,
    },
    {
        "slug": "oil-painting",
        "name": _("Oil painting"),
        "template": "{prompt}, oil painting on canvas, thick impasto brushwork, rich layered colour, warm varnish",
        "negative": _DRAWN,
    },
    {
        "slug": "ink-drawing",
        "name": _("Ink drawing"),
        "template": "{prompt}, black ink drawing, confident brush lines, cross-hatching, white paper, empty space",
        "negative": f"colour, grey wash, {_DRAWN}",
    },
    {
        "slug": "line-art",
        "name": _("Line art"),
        "template": "{prompt}, minimal line art, one even black line, no shading, plain white background",
        "negative": f"shading, colour, texture, {_DRAWN}",
    },
    {
        "slug": "risograph-poster",
        "name": _("Risograph poster"),
        "template": "{prompt}, risograph poster print, three spot colours, bold flat shapes, visible halftone dots, "
        "slight misregistration",
        "negative": f"gradients, fine detail, {_DRAWN}",
    },
    {
        "slug": "fantasy",
        "name": _("Fantasy"),
        "template": "{prompt}, epic fantasy illustration, sweeping scale, glowing atmosphere, intricate detail, "
        "painterly light",
        "negative": "modern objects, flat light, blurry, text, watermark",
    },
    {
        "slug": "isometric-3d",
        "name": _("Isometric 3D"),
        "template": "{prompt}, isometric 3d render, small diorama, soft global illumination, rounded shapes, "
        "pastel background",
        "negative": "perspective distortion, photo, grain, text, watermark",
    },
    {
        "slug": "low-poly",
        "name": _("Low-poly"),
        "template": "{prompt}, low-poly 3d render, faceted triangles, flat shaded, limited palette, soft studio light",
        "negative": "fine texture, photo, grain, text, watermark",
    },
    {
        "slug": "pixel-art",
        "name": _("Pixel art"),
        "template": "{prompt}, pixel art, 16-bit game scene, limited palette, crisp square pixels, careful dithering",
        "negative": "anti-aliasing, blur, gradients, photo, 3d render, text, watermark",
    },
]
