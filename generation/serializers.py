"""JSON of the catalogue and of jobs. Output only translates; input is checked further by `generation.requests`."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from config.event_ticket import make_ticket
from generation.models import AIModel, Job, Preset, Task
from generation.parameters import COUNT_LIMIT, SEED_LIMIT
from generation.pricing import price_of
from generation.requests import inputs_needed, needs_mask, prompt_use
from generation.selectors import place_of

# Fields of a job request that are not parameters of the model.
FIXED_FIELDS = (
    *("model", "task", "prompt", "preset", "num_images", "seed", "inputs", "mask"),
    *("parameters", "dry_run"),
)


class ModelSerializer(serializers.ModelSerializer[AIModel]):
    """A row of the catalogue; `parameters` is a JSON Schema.

    `credits` is the price of one output by its defaults, of a megapixel or a second where `unit` says so; a dry run
    of a job answers the price of any choice.
    """

    credits = serializers.SerializerMethodField()
    max_inputs = serializers.SerializerMethodField()
    needs_mask = serializers.SerializerMethodField()
    prompt = serializers.SerializerMethodField()
    output = serializers.SerializerMethodField()
    max_images = serializers.IntegerField(source="outputs_allowed")

    class Meta:
        model = AIModel
        fields = [
            "slug",
            "name",
            "description",
            "provider",
            "task",
            "tier",
            "credits",
            "unit",
            "max_images",
            "max_inputs",
            "min_side",
            "max_side",
            "needs_mask",
            "prompt",
            "output",
            "parameters",
            "seconds_expected",
        ]

    def get_credits(self, model: AIModel) -> int:
        return price_of(model)

    def get_max_inputs(self, model: AIModel) -> int:
        return inputs_needed(model)[1]

    def get_needs_mask(self, model: AIModel) -> bool:
        return needs_mask(model)

    @extend_schema_field(serializers.ChoiceField(AIModel.PromptUse.choices))
    def get_prompt(self, model: AIModel) -> str:
        return prompt_use(model)

    @extend_schema_field(serializers.ChoiceField(["image", "video", "mesh"]))
    def get_output(self, model: AIModel) -> str:
        return Task(model.task).output_kind


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A scene",
            request_only=True,
            value={
                "model": "studio-scenes",
                "prompt": "red fox in the snow at dusk",
                "aspect_ratio": "16:9",
                "num_images": 2,
                "seed": 7,
            },
        ),
        OpenApiExample(
            "From a picture",
            request_only=True,
            value={
                "model": "studio-stylise",
                "prompt": "",
                "style": "watercolour",
                "inputs": ["01931d0e-7d2c-7a31-8d44-1a2b3c4d5e6f"],
            },
        ),
    ]
)
class JobRequestSerializer(serializers.Serializer[Any]):
    """What to make. Parameters of the model stand beside these fields, or inside `parameters`."""

    model = serializers.CharField(help_text=_("Slug of a model; see /models."))
    task = serializers.ChoiceField(
        choices=Task.choices, required=False, default="", help_text=_("May be left out; else the model's own.")
    )
    prompt = serializers.CharField(
        required=False, default="", allow_blank=True, trim_whitespace=True, help_text=_("Up to 4 000 characters.")
    )
    num_images = serializers.IntegerField(required=False, default=1, help_text=_("1 to %d outputs.") % COUNT_LIMIT)
    seed = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        help_text=_("0 to %d; drawn if left out. Output n gets seed + n.") % (SEED_LIMIT - 1),
    )
    inputs = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        default=list,
        max_length=10,
        help_text=_("Ids of assets to work from; an edit may take several, in this order."),
    )
    mask = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text=_("Id of a mask (uploaded with purpose=mask) for inpainting: white where the picture may change."),
    )
    preset = serializers.CharField(
        required=False, default="", allow_blank=True, help_text=_("Slug of a style; see /presets.")
    )
    parameters = serializers.DictField(
        required=False, default=dict, help_text=_("Parameters of the model, by its schema.")
    )
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text=_("Check and price only: nothing is made or held.")
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Gather what is not ours as parameters of the model, which names those that it does not take."""
        values: dict[str, Any] = super().to_internal_value(data)
        beside = {name: value for name, value in data.items() if name not in FIXED_FIELDS}
        values["parameters"] = beside | values["parameters"]
        return values


class JobOutputSerializer(serializers.Serializer[Any]):
    """One delivered output: the asset's id and where its files are (signed addresses that expire)."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    thumbnail_url = serializers.CharField()
    kind = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    seconds = serializers.FloatField(allow_null=True)
    faces = serializers.IntegerField(allow_null=True)
    mime = serializers.CharField()
    seed = serializers.IntegerField(allow_null=True)


class FailureSerializer(serializers.Serializer[Any]):
    """Why a job ended without success; the credits came back."""

    code = serializers.CharField()
    message = serializers.CharField()


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job. `outputs` are filled once it has succeeded. Context: `request`, `delivery`, `assets` (by job id)."""

    model = serializers.SlugRelatedField[AIModel](slug_field="slug", read_only=True)
    asked_model = serializers.SlugRelatedField[AIModel](
        slug_field="slug", read_only=True, help_text=_("What was asked for, when an equivalent made it instead.")
    )
    preset = serializers.SlugRelatedField[Preset](slug_field="slug", read_only=True)
    repeats = serializers.PrimaryKeyRelatedField[Job](
        read_only=True, help_text=_("The earlier job whose outputs these are; nothing was charged.")
    )
    queue_position = serializers.SerializerMethodField()
    failure = serializers.SerializerMethodField()
    num_images = serializers.IntegerField(source="count")
    seed = serializers.SerializerMethodField()
    outputs = serializers.SerializerMethodField()
    cancel_requested = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()
    events_url = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = [
            *("id", "state", "progress", "queue_position", "cancel_requested", "failure"),
            *(
                "model",
                "asked_model",
                "task",
                "prompt",
                "preset",
                "params",
                "num_images",
                "seed",
                "credits",
                "repeats",
                "outputs",
            ),
            *("created_at", "started_at", "finished_at", "url", "events_url"),
        ]

    def get_queue_position(self, job: Job) -> int | None:
        return place_of(job).position

    def get_cancel_requested(self, job: Job) -> bool:
        return job.cancel_requested_at is not None

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, job: Job) -> dict[str, str] | None:
        return {"code": job.failure_code, "message": job.failure} if job.failure_code else None

    def get_seed(self, job: Job) -> int:
        return job.made_outputs[0].seed

    @extend_schema_field(JobOutputSerializer(many=True))
    def get_outputs(self, job: Job) -> list[dict[str, Any]]:
        request, delivery = self.context["request"], self.context["delivery"]
        return [
            {
                "id": str(asset.pk),
                "url": request.build_absolute_uri(delivery.url(asset)),
                "thumbnail_url": request.build_absolute_uri(delivery.thumbnail(asset)),
                "kind": asset.kind,
                "width": asset.width,
                "height": asset.height,
                "seconds": asset.seconds,
                "faces": asset.faces,
                "mime": asset.mime,
                "seed": asset.seed,
            }
            for asset in self.context["assets"].get(job.pk, [])
        ]

    def get_url(self, job: Job) -> str:
        return str(self.context["request"].build_absolute_uri(reverse("api-job", args=[job.pk])))

    def get_events_url(self, job: Job) -> str:
        """The stream of events of the company, for as long as `events` tickets last."""
        ticket = make_ticket(user_id=self.context["request"].user.pk, company_id=job.company_id)
        return f"{settings.PUBLIC_URL}/events/?ticket={ticket}"


class JobPriceSerializer(serializers.Serializer[Any]):
    """Answer to a dry run."""

    credits = serializers.IntegerField()
    available = serializers.IntegerField()
    affordable = serializers.BooleanField()


class JobStatusSerializer(serializers.ModelSerializer[Job]):
    """The little that a poller needs."""

    queue_position = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = ["id", "state", "progress", "queue_position"]

    def get_queue_position(self, job: Job) -> int | None:
        return place_of(job).position
