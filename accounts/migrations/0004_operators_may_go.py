"""The audit's trigger lets operators be forgotten too, who gave that up and deleted their accounts."""

from django.db import migrations

LET_OPERATORS_GO = """
CREATE OR REPLACE FUNCTION accounts_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased accounts_auditentry;
BEGIN
    -- That something was done, by which act and when, stays. The words, which are people's own, may go: they are
    -- emptied, or replaced by "deleted", and never by anything else. Operators are people too.
    IF TG_OP = 'UPDATE' THEN
        erased := NEW;
        IF NEW.actor IN ('', 'deleted') THEN erased.actor := OLD.actor; END IF;
        IF NEW.operator = 'deleted' AND OLD.operator <> '' THEN erased.operator := OLD.operator; END IF;
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
"""


class Migration(migrations.Migration):
    """Replace the function of the trigger."""

    dependencies = [("accounts", "0003_audit_and_sign_in_as")]

    # The migration before takes the function away when it is undone.
    operations = [migrations.RunSQL(LET_OPERATORS_GO, migrations.RunSQL.noop)]
