"""The ledger is append-only in the database itself, whoever writes to it."""

from django.db import migrations

FORBID = """
CREATE FUNCTION billing_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased billing_ledgerentry;
BEGIN
    -- The figures stay for ever. The words, which are a person's own, go when the company is deleted.
    IF TG_OP = 'UPDATE' THEN
        erased := OLD;
        erased.cause := '';
        erased.actor := '';
        IF NEW IS NOT DISTINCT FROM erased AND EXISTS (
            SELECT FROM accounts_company
            WHERE id = OLD.wallet_id AND NOT is_active AND delete_after <= now()
        ) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the ledger is append-only: % of % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Correct a mistake with another entry.';
END
$$;
CREATE TRIGGER billing_ledger_no_change BEFORE UPDATE OR DELETE ON billing_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION billing_ledger_is_append_only();
CREATE TRIGGER billing_ledger_no_truncate BEFORE TRUNCATE ON billing_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION billing_ledger_is_append_only();
"""

ALLOW = """
DROP TRIGGER billing_ledger_no_truncate ON billing_ledgerentry;
DROP TRIGGER billing_ledger_no_change ON billing_ledgerentry;
DROP FUNCTION billing_ledger_is_append_only();
"""


class Migration(migrations.Migration):
    """Refuse UPDATE, DELETE and TRUNCATE of ledger entries."""

    dependencies = [("billing", "0001_initial")]

    operations = [migrations.RunSQL(FORBID, ALLOW)]
