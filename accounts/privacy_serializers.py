"""What goes into and comes out of the API about a person's own data."""

from typing import Any

from rest_framework import serializers

from accounts.models import DataExport


class DeletePersonSerializer(serializers.Serializer[Any]):
    """Who asks, and the proof of it."""

    email = serializers.EmailField(help_text="Your own address, typed once more.")
    password = serializers.CharField(
        required=False, default="", trim_whitespace=False, max_length=1000, help_text="If you have one."
    )
    code = serializers.CharField(
        required=False,
        default="",
        max_length=40,
        help_text="Of the authenticator app, or a recovery code, if you have.",
    )


class DeletionSerializer(serializers.Serializer[Any]):
    """When the account goes."""

    delete_after = serializers.DateTimeField()
    detail = serializers.CharField()


class ExportSerializer(serializers.ModelSerializer[DataExport]):
    """A copy of everything that is the person's own."""

    ready_at = serializers.SerializerMethodField()
    file = serializers.SerializerMethodField(
        help_text="Where to fetch it, with the same token; empty until it is ready."
    )

    class Meta:
        model = DataExport
        fields = ["id", "state", "requested_at", "ready_at", "expires_at", "bytes", "files", "file"]
        read_only_fields = fields

    def get_ready_at(self, export: DataExport) -> str | None:
        is_made = export.state in (DataExport.State.READY, DataExport.State.GONE)
        return export.finished_at.isoformat() if is_made and export.finished_at else None

    def get_file(self, export: DataExport) -> str:
        return "/api/v1/users/me/export/file" if export.state == DataExport.State.READY else ""
