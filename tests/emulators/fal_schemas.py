"""What each endpoint of fal takes, gives and costs, as the double's OpenAPI documents, prices and checks tell it.

Names, types, limits and defaults are those of fal's published schemas.
"""

from dataclasses import dataclass
from typing import Any

Rules = dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """One endpoint; `unit` and `price` are what fal bills, in USD."""

    required: tuple[str, ...]
    properties: dict[str, Rules]
    output: str = "images"
    price: float = 0.04
    unit: str = "images"

    @property
    def schema(self) -> Rules:
        """The input as JSON Schema."""
        return {
            "type": "object",
            "properties": self.properties,
            "required": list(self.required),
            "x-fal-order-properties": list(self.properties),
        }


def _text(**rules: Any) -> Rules:
    return {"type": "string"} | rules


def _choice(*values: str, **rules: Any) -> Rules:
    return {"type": "string", "enum": list(values)} | rules


def _whole(**rules: Any) -> Rules:
    return {"type": "integer"} | rules


def _number(**rules: Any) -> Rules:
    return {"type": "number"} | rules


def _switch(default: bool) -> Rules:
    return {"type": "boolean", "default": default}


def _steps(default: int, most: int) -> Rules:
    return {"num_inference_steps": _whole(minimum=1, maximum=most, default=default)}


PROMPT = {"prompt": _text(minLength=1)}
IMAGE = {"image_url": _text()}
SYNC = {"sync_mode": _switch(False)}
SEED = {"seed": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}
CHECKER = {"enable_safety_checker": _switch(True)}
NUMBER = {"num_images": _whole(minimum=1, maximum=4, default=1)}
GUIDANCE = {"guidance_scale": _number(minimum=1, maximum=20, default=3.5)}
TOLERANCE = {"safety_tolerance": _choice(*"123456", default="2")}
NAMED_SIZES = ("square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9")
SIZE = {
    "image_size": {
        "anyOf": [{"$ref": "#/components/schemas/ImageSize"}, {"enum": list(NAMED_SIZES), "type": "string"}],
        "default": "landscape_4_3",
    }
}
IMAGE_SIZE = {
    "type": "object",
    "properties": {side: _whole(exclusiveMinimum=0, maximum=14142, default=512) for side in ("width", "height")},
}
ACCELERATION = {"acceleration": _choice("none", "regular", "high", default="none")}
BANANA_RATIOS = ("21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16")


def _format(*values: str) -> dict[str, Rules]:
    return {"output_format": _choice(*values, default=values[0])}


JPEG_OR_PNG = _format("jpeg", "png")
FLUX = PROMPT | SIZE | NUMBER | SEED | JPEG_OR_PNG | CHECKER | SYNC | ACCELERATION
WAN = (
    PROMPT
    | SEED
    | CHECKER
    | {
        "audio_url": _text(),
        "resolution": _choice("720p", "1080p", default="1080p"),
        "duration": _choice("5", "10", "15", default="5"),
        "negative_prompt": _text(default=""),
        "enable_prompt_expansion": _switch(True),
        "multi_shots": _switch(True),
    }
)

_IMAGES = {
    "fal-ai/flux/schnell": Endpoint(("prompt",), FLUX | _steps(4, 12) | GUIDANCE, price=0.003, unit="megapixels"),
    "fal-ai/flux/dev": Endpoint(("prompt",), FLUX | _steps(28, 50) | GUIDANCE, price=0.025, unit="megapixels"),
    "fal-ai/flux-pro/v1.1": Endpoint(
        ("prompt",),
        PROMPT | SIZE | NUMBER | SEED | JPEG_OR_PNG | CHECKER | SYNC | TOLERANCE | {"enhance_prompt": _switch(False)},
        price=0.04,
        unit="megapixels",
    ),
    "fal-ai/flux-2": Endpoint(
        ("prompt",),
        FLUX
        | _steps(28, 50)
        | {"guidance_scale": _number(minimum=0, maximum=20, default=2.5), "enable_prompt_expansion": _switch(False)}
        | _format("png", "jpeg", "webp"),
        price=0.012,
        unit="megapixels",
    ),
    "fal-ai/flux-2-pro": Endpoint(
        ("prompt",), PROMPT | SIZE | SEED | JPEG_OR_PNG | CHECKER | SYNC | TOLERANCE, price=0.03, unit="megapixels"
    ),
    "fal-ai/nano-banana": Endpoint(
        ("prompt",),
        PROMPT
        | NUMBER
        | SEED
        | SYNC
        | TOLERANCE
        | _format("png", "jpeg", "webp")
        | {"aspect_ratio": _choice(*BANANA_RATIOS, default="1:1"), "limit_generations": _switch(False)},
        price=0.0398,
    ),
    "fal-ai/flux/dev/image-to-image": Endpoint(
        ("image_url", "prompt"),
        {name: rules for name, rules in FLUX.items() if name != "image_size"}
        | IMAGE
        | _steps(40, 50)
        | GUIDANCE
        | {"strength": _number(minimum=0.01, maximum=1, default=0.95)},
        price=0.03,
        unit="megapixels",
    ),
    "fal-ai/flux-pro/kontext": Endpoint(
        ("prompt", "image_url"),
        PROMPT
        | IMAGE
        | NUMBER
        | SEED
        | SYNC
        | TOLERANCE
        | GUIDANCE
        | JPEG_OR_PNG
        | {"aspect_ratio": _choice("21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21")},
    ),
    "fal-ai/nano-banana/edit": Endpoint(
        ("prompt", "image_urls"),
        PROMPT
        | NUMBER
        | SEED
        | SYNC
        | TOLERANCE
        | _format("png", "jpeg", "webp")
        | {
            "image_urls": {"type": "array", "items": _text(), "minItems": 1, "maxItems": 10},
            "aspect_ratio": _choice("auto", *BANANA_RATIOS, default="auto"),
            "limit_generations": _switch(False),
        },
        price=0.0398,
    ),
    "fal-ai/flux-pro/v1/fill": Endpoint(
        ("prompt", "image_url", "mask_url"),
        PROMPT
        | IMAGE
        | NUMBER
        | SEED
        | SYNC
        | TOLERANCE
        | JPEG_OR_PNG
        | {"mask_url": _text(), "enhance_prompt": _switch(False)},
        price=0.05,
        unit="megapixels",
    ),
    "fal-ai/image-apps-v2/outpaint": Endpoint(
        ("image_url",),
        IMAGE
        | NUMBER
        | SYNC
        | CHECKER
        | {"prompt": _text(default="")}
        | _format("png", "jpeg", "jpg", "webp")
        | {
            f"expand_{side}": _whole(minimum=0, maximum=700, default=400 if side == "bottom" else 0)
            for side in ("left", "right", "top", "bottom")
        }
        | {"zoom_out_percentage": _number(minimum=0, maximum=90, default=20)},
    ),
    "fal-ai/flux/schnell/redux": Endpoint(
        ("image_url",),
        {name: rules for name, rules in FLUX.items() if name != "prompt"} | IMAGE | _steps(4, 12),
        price=0.025,
        unit="megapixels",
    ),
}
_FINISHING = {
    "fal-ai/esrgan": Endpoint(
        ("image_url",),
        IMAGE
        | {
            "scale": _number(minimum=1, maximum=8, default=2),
            "tile": _whole(default=0),
            "face": _switch(False),
            "model": _choice("RealESRGAN_x4plus", "RealESRGAN_x2plus", default="RealESRGAN_x4plus"),
        }
        | _format("png", "jpeg"),
        output="image",
        price=0.00111,
        unit="compute seconds",
    ),
    "fal-ai/clarity-upscaler": Endpoint(
        ("image_url",),
        IMAGE
        | SEED
        | CHECKER
        | _steps(18, 50)
        | {
            "prompt": _text(default="masterpiece, best quality, highres"),
            "upscale_factor": _number(minimum=1, maximum=4, default=2),
            "creativity": _number(minimum=0, maximum=1, default=0.35),
            "resemblance": _number(minimum=0, maximum=1, default=0.6),
            "guidance_scale": _number(minimum=0, maximum=20, default=4),
            "negative_prompt": _text(),
        },
        output="image",
        price=0.03,
        unit="megapixels",
    ),
    "fal-ai/aura-sr": Endpoint(
        ("image_url",),
        IMAGE
        | {
            "upscale_factor": {"type": "integer", "enum": [4], "default": 4},
            "overlapping_tiles": _switch(False),
            "checkpoint": _choice("v1", "v2", default="v1"),
        },
        output="image",
        price=0.00111,
        unit="compute seconds",
    ),
    "fal-ai/birefnet/v2": Endpoint(
        ("image_url",),
        IMAGE
        | SYNC
        | _format("png", "webp", "gif")
        | {
            "model": _choice(
                "General Use (Light)",
                "General Use (Light 2K)",
                "General Use (Heavy)",
                "Matting",
                "Portrait",
                "General Use (Dynamic)",
                default="General Use (Light)",
            ),
            "operating_resolution": _choice("1024x1024", "2048x2048", "2304x2304", default="1024x1024"),
            "refine_foreground": _switch(True),
            "output_mask": _switch(False),
        },
        output="image",
        price=0.00111,
        unit="compute seconds",
    ),
    "fal-ai/bria/background/remove": Endpoint(
        ("image_url",), IMAGE | SYNC, output="image", price=0.018, unit="generations"
    ),
}
_VIDEOS = {
    "fal-ai/kling-video/v2.5-turbo/pro/image-to-video": Endpoint(
        ("prompt", "image_url"),
        PROMPT
        | IMAGE
        | {
            "duration": _choice("5", "10", default="5"),
            "tail_image_url": _text(),
            "negative_prompt": _text(default="blur, distort, and low quality"),
            "cfg_scale": _number(minimum=0, maximum=1, default=0.5),
        },
        output="video",
        price=0.07,
        unit="seconds",
    ),
    "fal-ai/veo3.1/fast": Endpoint(
        ("prompt",),
        PROMPT
        | SEED
        | TOLERANCE
        | {
            "aspect_ratio": _choice("16:9", "9:16", default="16:9"),
            "duration": _choice("4s", "6s", "8s", default="8s"),
            "resolution": _choice("720p", "1080p", default="720p"),
            "negative_prompt": _text(),
            "generate_audio": _switch(True),
            "auto_fix": _switch(True),
        },
        output="video",
        price=0.1,
        unit="seconds",
    ),
    "wan/v2.6/text-to-video": Endpoint(
        ("prompt",),
        WAN | {"aspect_ratio": _choice("16:9", "9:16", "1:1", "4:3", "3:4", default="16:9")},
        output="video",
        price=0.1,
        unit="seconds",
    ),
    "wan/v2.6/image-to-video": Endpoint(
        ("prompt", "image_url"), WAN | IMAGE, output="video", price=0.1, unit="seconds"
    ),
}
_MESHES = {
    "fal-ai/trellis": Endpoint(
        ("image_url",),
        IMAGE
        | SEED
        | {
            "ss_guidance_strength": _number(minimum=0, maximum=10, default=7.5),
            "ss_sampling_steps": _whole(minimum=1, maximum=50, default=12),
            "slat_guidance_strength": _number(minimum=0, maximum=10, default=3),
            "slat_sampling_steps": _whole(minimum=1, maximum=50, default=12),
            "mesh_simplify": _number(minimum=0.9, maximum=0.98, default=0.95),
            "texture_size": _choice("512", "1024", "2048", default="1024"),
        },
        output="model_mesh",
        price=0.02,
        unit="generations",
    ),
    "tripo3d/tripo/v2.5/image-to-3d": Endpoint(
        ("image_url",),
        IMAGE
        | SEED
        | {
            "face_limit": _whole(),
            "pbr": _switch(False),
            "texture": _choice("no", "standard", "HD", default="standard"),
            "texture_seed": _whole(),
            "auto_size": _switch(False),
            "quad": _switch(False),
            "texture_alignment": _choice("original_image", "geometry", default="original_image"),
            "orientation": _choice("default", "align_image", default="default"),
        },
        output="model_mesh",
        price=1,
        unit="units",
    ),
    "fal-ai/hunyuan3d-v21": Endpoint(
        ("input_image_url",),
        SEED
        | _steps(50, 50)
        | {
            "input_image_url": _text(),
            "guidance_scale": _number(minimum=0, maximum=20, default=7.5),
            "octree_resolution": _whole(minimum=1, maximum=1024, default=256),
            "textured_mesh": _switch(False),
        },
        output="model_glb",
        price=0.16,
        unit="generations",
    ),
}
ENDPOINTS: dict[str, Endpoint] = _IMAGES | _FINISHING | _VIDEOS | _MESHES
