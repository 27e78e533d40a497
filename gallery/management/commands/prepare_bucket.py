"""`manage.py prepare_bucket`: make the bucket of AWS_STORAGE_BUCKET_NAME fit to keep pictures."""

from typing import Any

from botocore.exceptions import ClientError
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Makes it if need be, closed to the public, encrypted, rid of unfinished uploads after a day."""

    help = "Set the bucket up: private, encrypted, clearing up after itself. Can be run again."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, or say what the store refused."""
        bucket: Any = default_storage
        if not hasattr(bucket, "prepare"):
            raise CommandError("Pictures lie on the disk: AWS_STORAGE_BUCKET_NAME is not set.")
        try:
            bucket.prepare()
        except ClientError as error:
            raise CommandError(f"The store refused a step, see its manual: {error}") from error
        self.stdout.write(f"The bucket {bucket.bucket_name} is ready.")
