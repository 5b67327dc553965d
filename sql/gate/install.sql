-- Makes every row that a table gets, changes or loses wait at the gate; several statements, a template.
--
-- A shared lock on a number of its own: nobody waits but the backends that the debugger has named,
-- and those only while it holds their numbers. The lock is given back at once: kept to the
-- transaction's end, it would keep the debugger from closing the gate for it a second time. EXECUTE on the function is asked for when a trigger is
-- made, and not when it fires, so the programs' roles need no rights here.
SET LOCAL lock_timeout = '2500ms';
CREATE OR REPLACE FUNCTION {schema}.wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $gate$
BEGIN
    PERFORM pg_catalog.pg_advisory_lock_shared({class}, pg_catalog.pg_backend_pid());
    PERFORM pg_catalog.pg_advisory_unlock_shared({class}, pg_catalog.pg_backend_pid());
    IF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$gate$;
CREATE TRIGGER {schema} BEFORE INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {schema}.wait_at_gate();
