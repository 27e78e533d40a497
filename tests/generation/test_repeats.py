"""What a company has made before is given again at no charge (GEN-8)."""

from collections.abc import Callable

from rest_framework.test import APIClient

from accounts.models import User
from accounts.viewer import Viewer
from billing.models import Hold, UsageCounter, Wallet
from gallery.binning import bin_assets
from gallery.models import Asset
from generation import pipeline
from generation.audit import check_jobs
from generation.models import Job, JobOutput
from tests.factories.generation import submit
from tests.generation.scripted import Scripted, picture

Install = Callable[..., Scripted]


def test_the_same_again_is_answered_at_once_and_costs_nothing(maker: Viewer, scripted: Install) -> None:
    provider = scripted()
    first = submit(maker, count=2, seed=7)
    pipeline.start(job_id=first.pk)

    again = submit(maker, count=2, seed=7)

    assert (again.state, again.repeats_id, again.credits) == (Job.State.SUCCEEDED, first.pk, 0)
    assert [output.asset_id for output in again.made_outputs] == [output.asset_id for output in first.outputs.all()]
    assert Wallet.objects.get(company=maker.company).balance == 98
    assert Hold.objects.get(key=again.hold_key).state == Hold.State.SETTLED
    assert UsageCounter.objects.get(company=maker.company, name="generations").used == 2
    assert Asset.objects.filter(company=maker.company).count() == 2
    assert len(provider.calls) == 1
    assert not [sentence for sentence in check_jobs() if str(again.pk) in sentence]


def test_other_words_settings_seeds_and_numbers_are_something_else(maker: Viewer, scripted: Install) -> None:
    scripted()
    pipeline.start(job_id=submit(maker, seed=7).pk)

    others = [
        submit(maker, seed=8),
        submit(maker, seed=7, prompt="a blue hare"),
        submit(maker, seed=7, params={"aspect_ratio": "4:3"}),
        submit(maker, seed=7, count=2),
        submit(maker),
    ]

    assert [job.repeats_id for job in others] == [None] * 5


def test_what_went_to_the_bin_is_made_anew(maker: Viewer, scripted: Install) -> None:
    scripted()
    first = submit(maker, seed=7)
    pipeline.start(job_id=first.pk)
    bin_assets(viewer=maker, ids=[output.asset_id for output in first.outputs.all()])

    assert submit(maker, seed=7).repeats_id is None


def test_a_part_is_no_answer_to_the_whole(maker: Viewer, scripted: Install) -> None:
    scripted(outputs={0: b"no picture at all", 1: picture()})
    first = submit(maker, count=2, seed=7)
    pipeline.start(job_id=first.pk)
    assert JobOutput.objects.filter(job=first, state=JobOutput.State.DELIVERED).count() == 1

    assert submit(maker, count=2, seed=7).repeats_id is None


def test_another_company_is_given_nothing_of_ours(
    maker: Viewer, bob: User, viewer: Callable[[User], Viewer], scripted: Install
) -> None:
    scripted()
    pipeline.start(job_id=submit(maker, seed=7).pk)

    assert submit(viewer(bob), seed=7).repeats_id is None


def test_the_api_names_the_earlier_job_and_its_outputs(maker: Viewer, alice_api: APIClient, scripted: Install) -> None:
    scripted()
    first = submit(maker, seed=7)
    pipeline.start(job_id=first.pk)

    again = submit(maker, seed=7)
    told = alice_api.get(f"/api/v1/jobs/{again.pk}").json()

    assert (told["state"], told["credits"], told["repeats"], told["seed"]) == ("succeeded", 0, str(first.pk), 7)
    assert [output["id"] for output in told["outputs"]] == [str(output.asset_id) for output in first.outputs.all()]


def test_a_repeat_of_a_repeat_names_the_one_that_was_made(maker: Viewer, scripted: Install) -> None:
    scripted()
    first = submit(maker, seed=7)
    pipeline.start(job_id=first.pk)
    submit(maker, seed=7)

    assert submit(maker, seed=7).repeats_id == first.pk
