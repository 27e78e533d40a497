import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import config.base.ids

FORBID = """
CREATE FUNCTION accounts_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased accounts_auditentry;
BEGIN
    -- That something was done, by which act and when, stays. The words, which are people's own, may go: they are
    -- emptied, or replaced by "deleted", and never by anything else.
    IF TG_OP = 'UPDATE' THEN
        erased := NEW;
        IF NEW.actor IN ('', 'deleted') THEN erased.actor := OLD.actor; END IF;
        IF NEW.target IN ('', 'deleted') THEN erased.target := OLD.target; END IF;
        IF NEW.agent = '' THEN erased.agent := OLD.agent; END IF;
        IF NEW.address IS NULL THEN erased.address := OLD.address; END IF;
        IF NEW.person_id IS NULL THEN erased.person_id := OLD.person_id; END IF;
        IF NEW.detail = '{}'::jsonb THEN erased.detail := OLD.detail; END IF;
        IF erased IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only: % of % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Words of people who are gone may be emptied.';
END
$$;
CREATE TRIGGER accounts_audit_no_change BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_append_only();
CREATE TRIGGER accounts_audit_no_truncate BEFORE TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_audit_is_append_only();
"""

ALLOW = """
DROP TRIGGER accounts_audit_no_truncate ON accounts_auditentry;
DROP TRIGGER accounts_audit_no_change ON accounts_auditentry;
DROP FUNCTION accounts_audit_is_append_only();
"""


class Migration(migrations.Migration):
    """Audit entries name the account and the operator, and nothing changes them; sign-ins as somebody else."""

    dependencies = [
        ("accounts", "0002_privacy"),
    ]

    operations = [
        migrations.CreateModel(
            name="SignInAs",
            fields=[
                (
                    "id",
                    models.UUIDField(default=config.base.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                (
                    "begun_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="begun"),
                ),
                ("until", models.DateTimeField(verbose_name="until at most")),
                ("ended_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="ended")),
            ],
            options={
                "verbose_name": "sign-in as somebody",
                "verbose_name_plural": "sign-ins as somebody",
                "permissions": [("sign_in_as", "May sign in as a person")],
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="auditentry",
            name="operator",
            field=models.CharField(blank=True, max_length=254, verbose_name="operator"),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="person",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="audit_entries",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["person", "-id"], name="audit_by_person"),
        ),
        migrations.AddField(
            model_name="signinas",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signinas",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="signinas",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("operator",), name="sign_in_as_one_at_a_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="signinas",
            constraint=models.CheckConstraint(
                condition=models.Q(("operator", models.F("person")), _negated=True), name="sign_in_as_somebody_else"
            ),
        ),
        migrations.RunSQL(FORBID, ALLOW),
    ]
