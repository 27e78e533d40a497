"""A large gallery in seconds: rows written by one statement each, with no files behind them."""

from django.db import connection
from django.utils import timezone

from accounts.viewer import Viewer
from billing.services import grant_credits
from gallery.models import Asset
from generation.models import AIModel, Job, JobOutput

# Names and long edges of what the decoder writes for a picture of 1600 × 1200.
RENDITIONS = (
    ("original", "png", 1600),
    ("thumb-320", "webp", 320),
    ("thumb-640", "webp", 640),
    ("thumb-1280", "webp", 1280),
    ("marked", "png", 1600),
    ("marked-320", "webp", 320),
    ("marked-640", "webp", 640),
    ("marked-1280", "webp", 1280),
)

_ASSETS = """
INSERT INTO gallery_asset (id, company_id, user_id, kind, origin, original_name, mime, bytes, width, height, sha256,
    thumbhash, prompt, task, model_name, params, seed, credits, elapsed_ms, parents, created_at)
SELECT uuidv7(make_interval(secs => -number)), %(company)s, %(user)s, 'image', 'made', '', 'image/png', 100000, 1600,
    1200, repeat('0', 64), '1QcSHQRnh493V4dIh4eXh1h4kJUI', 'a lighthouse in the rain, number ' || number,
    'text-to-image', 'Studio scenes', '{"aspect_ratio": "4:3"}', number, 1, 900, '{}',
    now() - make_interval(secs => number)
FROM generate_series(1, %(count)s) AS number
"""
_RENDITIONS = """
INSERT INTO gallery_assetrendition (id, asset_id, name, key, mime, bytes, width, height)
SELECT gen_random_uuid(), id, %(name)s, company_id || '/bench/' || id || '/' || %(name)s || '.' || %(extension)s,
    'image/' || %(extension)s, 20000, %(edge)s, %(edge)s * 3 / 4
FROM gallery_asset WHERE company_id = %(company)s
"""


def fill(viewer: Viewer, count: int) -> None:
    """Give the viewer's company, which has none, `count` made pictures, one a second in the past."""
    who = {"company": viewer.company.pk, "user": viewer.user.pk}
    with connection.cursor() as cursor:
        cursor.execute(_ASSETS, who | {"count": count})
        for name, extension, edge in RENDITIONS:
            cursor.execute(_RENDITIONS, who | {"name": name, "extension": extension, "edge": edge})
        cursor.execute("ANALYZE gallery_asset, gallery_assetrendition")


def fill_history(viewer: Viewer, jobs: int, entries: int) -> None:
    """Let the newest pictures of a filled gallery come from finished jobs, and write into the ledger."""
    model = AIModel.objects.get(slug="studio-scenes")
    newest = Asset.objects.visible_to(viewer).order_by("-id")[:jobs]
    for number, asset in enumerate(newest):
        job = Job.objects.create(
            company=viewer.company,
            user=viewer.user,
            model=model,
            task=model.task,
            prompt=asset.prompt,
            params=asset.params,
            credits=1,
            key=f"bench:{number}",
            state=Job.State.SUCCEEDED,
            finished_at=timezone.now(),
        )
        seed, state = asset.seed or 0, JobOutput.State.DELIVERED
        JobOutput.objects.create(job=job, index=0, asset_id=asset.pk, seed=seed, state=state)
    for number in range(entries):
        key = f"bench:{viewer.company.pk}:{number}"
        grant_credits(company=viewer.company, amount=1, kind="grant", key=key, cause="Measurement")
