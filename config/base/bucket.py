"""Pictures in an S3-compatible bucket: what django-storages leaves to us. Loaded only where a bucket is set up."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from botocore import UNSIGNED
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from storages.backends.s3 import S3Storage

STAMP = "%Y%m%dT%H%M%SZ"
DEFAULT_REGION = "us-east-1"
# Days after which the bucket throws away what an upload that died has left of its parts.
PARTS_KEPT = 1


class _RoundedAuth(S3SigV4QueryAuth):
    """Signs as of a given moment, so that everybody who asks within the hour gets the same address."""

    def __init__(self, credentials: Any, region: str, *, start: int, expires: int) -> None:
        super().__init__(credentials, "s3", region, expires=expires)
        self._start = datetime.fromtimestamp(start, UTC).strftime(STAMP)

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        request.context["timestamp"] = self._start
        super()._modify_request_before_signing(request)


class Bucket(S3Storage):
    """A private bucket: objects are encrypted, addresses signed. `public_endpoint_url` is how browsers reach it."""

    public_endpoint_url: str

    def get_default_settings(self) -> dict[str, Any]:
        """With the one setting that is ours."""
        return {**super().get_default_settings(), "public_endpoint_url": ""}

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Putting overwrites; nobody needs to look first."""
        return True

    def signed_url(self, key: str, *, expires_at: int, seconds: int, disposition: str) -> str:
        """Return an address that ends at `expires_at` (Unix seconds) and was made `seconds` before, in name.

        The same arguments give the same address. With a domain of CloudFront it is signed for that one.
        """
        answer = {"ResponseContentDisposition": disposition, "ResponseCacheControl": f"private, max-age={seconds // 2}"}
        name = self._normalize_name(key)
        if self.custom_domain:
            query = urlencode({"response-content-disposition": disposition})
            address = f"https://{self.custom_domain}/{quote(name)}?{query}"
            until = datetime.fromtimestamp(expires_at, UTC)
            signed: str = self.cloudfront_signer.generate_presigned_url(address, date_less_than=until)
            return signed
        params = {"Bucket": self.bucket_name, "Key": name, **answer}
        request = AWSRequest("GET", self._browsers.generate_presigned_url("get_object", Params=params))
        region = self._browsers.meta.region_name or DEFAULT_REGION
        # A region called so is boto's word for none.
        region = DEFAULT_REGION if region == "aws-global" else region
        _RoundedAuth(self._credentials, region, start=expires_at - seconds, expires=seconds).add_auth(request)
        return str(request.url)

    def remove_folder(self, place: str) -> None:
        """Delete everything below a folder, a thousand objects a request."""
        self.bucket.objects.filter(Prefix=f"{self._normalize_name(place)}/").delete()

    def walk(self) -> Iterator[tuple[str, datetime]]:
        """All keys in the order of their bytes, with the time of the last writing."""
        for found in self.bucket.objects.all():
            yield found.key, found.last_modified

    def prepare(self) -> None:
        """Make the bucket if there is none, close it to the public, encrypt it, have it clear up. Can be run again."""
        client = self.connection.meta.client
        if not any(row["Name"] == self.bucket_name for row in client.list_buckets()["Buckets"]):
            region = self.region_name or DEFAULT_REGION
            place = {} if region == DEFAULT_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            client.create_bucket(Bucket=self.bucket_name, **place)
        client.put_public_access_block(
            Bucket=self.bucket_name,
            PublicAccessBlockConfiguration=dict.fromkeys(
                ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
            ),
        )
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        client.put_bucket_encryption(Bucket=self.bucket_name, ServerSideEncryptionConfiguration={"Rules": [rule]})
        parts = {
            "ID": "unfinished-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": PARTS_KEPT},
        }
        client.put_bucket_lifecycle_configuration(Bucket=self.bucket_name, LifecycleConfiguration={"Rules": [parts]})

    @cached_property
    def _credentials(self) -> Any:
        return self._create_session().get_credentials()

    @cached_property
    def _browsers(self) -> Any:
        """A client that only writes addresses, as browsers see the bucket; it asks nobody and may be shared."""
        endpoint, style = self.public_endpoint_url or self.endpoint_url, self.addressing_style
        if not endpoint:
            # Amazon's door for all regions sends on to the region's own, which the signature does not know.
            endpoint, style = f"https://s3.{self.region_name or DEFAULT_REGION}.amazonaws.com", "virtual"
        return self._create_session().client(
            "s3",
            region_name=self.region_name,
            endpoint_url=endpoint,
            config=self.client_config.merge(Config(signature_version=UNSIGNED, s3={"addressing_style": style})),
        )
