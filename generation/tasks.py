"""The tasks as the pages name them: in groups, with an icon, and with what each asks of a person."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from generation.models import AIModel, Task

# What a job's input is for, as `JobInput.role` names it.
IMAGE_ROLE = "image"
MASK_ROLE = "mask"
# Settings that a task is chosen for: they stand open, the rest under "Advanced".
MAIN_FIELDS: dict[Task, tuple[str, ...]] = {
    Task.IMAGE_TO_IMAGE: ("style", "strength"),
    Task.VARIATION: ("strength",),
    Task.UPSCALE: ("scale",),
    Task.TEXT_TO_VIDEO: ("duration", "resolution"),
    Task.IMAGE_TO_VIDEO: ("duration", "resolution", "motion"),
    Task.IMAGE_TO_3D: ("quality",),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One task, or a group of tasks that leads to its first."""

    task: Task
    label: str
    icon: str
    is_current: bool
    tasks: tuple["Tab", ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """What the prompt box asks for, and what it shows while it is empty."""

    question: str
    example: str


def label_of(task: str) -> str:
    """What a task is called on a button or a tab."""
    return {
        Task.TEXT_TO_IMAGE: _("Create"),
        Task.IMAGE_TO_IMAGE: _("Restyle"),
        Task.EDIT: _("By words"),
        Task.INPAINT: _("Inpaint"),
        Task.OUTPAINT: _("Extend"),
        Task.REMOVE_BACKGROUND: _("Cut out"),
        Task.VARIATION: _("Vary"),
        Task.UPSCALE: _("Upscale"),
        Task.TEXT_TO_VIDEO: _("From words"),
        Task.IMAGE_TO_VIDEO: _("From a picture"),
        Task.IMAGE_TO_3D: _("3D"),
    }.get(Task(task), str(Task(task).label).capitalize())


def icon_of(task: str) -> str:
    """The task's icon in `static/img/icons.svg`."""
    return {
        Task.TEXT_TO_IMAGE: "sparkles",
        Task.IMAGE_TO_IMAGE: "palette",
        Task.EDIT: "pencil",
        Task.INPAINT: "paintbrush",
        Task.OUTPAINT: "expand",
        Task.REMOVE_BACKGROUND: "scissors",
        Task.VARIATION: "shuffle",
        Task.UPSCALE: "maximize",
        Task.TEXT_TO_VIDEO: "film",
        Task.IMAGE_TO_VIDEO: "play",
        Task.IMAGE_TO_3D: "box",
    }.get(Task(task), "image")


def tabs_of(models: Iterable[AIModel], current: str) -> list[Tab]:
    """The groups in which some model does a task, each with its tasks."""
    offered = {Task(model.task) for model in models}
    tabs = []
    for label, icon, tasks in _groups():
        inner = tuple(
            Tab(task=task, label=label_of(task), icon=icon_of(task), is_current=task == current)
            for task in tasks
            if task in offered
        )
        if inner:
            is_current = any(tab.is_current for tab in inner)
            tabs.append(Tab(task=inner[0].task, label=label, icon=icon, is_current=is_current, tasks=inner))
    return tabs


def _groups() -> tuple[tuple[str, str, tuple[Task, ...]], ...]:
    changes = (
        Task.IMAGE_TO_IMAGE,
        Task.EDIT,
        Task.INPAINT,
        Task.OUTPAINT,
        Task.REMOVE_BACKGROUND,
        Task.VARIATION,
    )
    return (
        (_("Create"), "sparkles", (Task.TEXT_TO_IMAGE,)),
        (_("Edit"), "pencil", changes),
        (_("Upscale"), "maximize", (Task.UPSCALE,)),
        (_("Video"), "film", (Task.TEXT_TO_VIDEO, Task.IMAGE_TO_VIDEO)),
        (_("3D"), "box", (Task.IMAGE_TO_3D,)),
    )


def words_of(task: str, *, is_needed: bool) -> Words:
    """What the prompt box of a task says."""
    by_task = {
        Task.TEXT_TO_IMAGE: (
            _("What should the picture show?"),
            _("Mountains at dusk, a still lake, warm light…"),
        ),
        Task.EDIT: (_("What should change?"), _("Make it winter, snow on the roofs…")),
        Task.INPAINT: (_("What should be there instead?"), _("A red umbrella on the bench…")),
        Task.OUTPAINT: (_("What lies beyond the edges?"), _("The beach goes on, palms, the evening sky…")),
        Task.TEXT_TO_VIDEO: (_("What should happen?"), _("Waves roll in below a lighthouse, gulls circle…")),
        Task.IMAGE_TO_VIDEO: (_("What should move?"), _("The clouds drift, the camera comes closer…")),
    }
    question, example = by_task.get(Task(task), (_("What is it about?"), _("A mood or a colour, if you like…")))
    return Words(question if is_needed else _("%(question)s Optional.") % {"question": question}, example)
