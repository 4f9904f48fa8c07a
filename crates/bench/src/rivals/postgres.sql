-- The same vehicle registrations in four forms, each in a schema of its own, all for one read-modify-write:
-- plain, audit (a trigger keeps every revision), chain (the same, and a hash chain over the revisions in the order of
-- their commits), sealed (audit, and a process in the background that chains what was committed in the last second).

CREATE SCHEMA plain;
CREATE TABLE plain.registration (
    vin text PRIMARY KEY,
    license_plate_number text NOT NULL,
    state text NOT NULL,
    city text NOT NULL,
    make text NOT NULL,
    model text NOT NULL,
    pending_penalty_ticket_amount bigint NOT NULL,
    valid_from_date date NOT NULL,
    valid_to_date date NOT NULL,
    mileage bigint NOT NULL,
    primary_owner text NOT NULL,
    secondary_owner text NOT NULL
) WITH (fillfactor = 80); -- room for the next version in the same page, so that no index need change
CREATE INDEX ON plain.registration (pending_penalty_ticket_amount);
CREATE TABLE plain.inserted (LIKE plain.registration INCLUDING INDEXES);
CREATE SEQUENCE plain.numbers CACHE 100;
\copy plain.registration FROM pstdin

CREATE SCHEMA audit;
CREATE TABLE audit.registration (LIKE plain.registration INCLUDING ALL);
INSERT INTO audit.registration SELECT * FROM plain.registration;
CREATE TABLE audit.history (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    committed_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revision audit.registration NOT NULL
);
CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit.history (revision) VALUES (NEW);
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON audit.registration FOR EACH ROW EXECUTE FUNCTION audit.note();

CREATE SCHEMA chain;
CREATE TABLE chain.registration (LIKE plain.registration INCLUDING ALL);
INSERT INTO chain.registration SELECT * FROM plain.registration;
CREATE TABLE chain.head (hash bytea NOT NULL) WITH (fillfactor = 10);
INSERT INTO chain.head VALUES (sha256('everstrand'));
CREATE TABLE chain.history (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    committed_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revision chain.registration NOT NULL,
    hash bytea NOT NULL
);
CREATE FUNCTION chain.note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    next bytea;
BEGIN
    UPDATE chain.head SET hash = sha256(hash || sha256(convert_to(NEW::text, 'UTF8'))) RETURNING hash INTO next;
    INSERT INTO chain.history (revision, hash) VALUES (NEW, next);
    RETURN NULL;
END $$;
-- Deferred: the head is locked while a transaction commits, and not while its client thinks.
CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON chain.registration
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chain.note();

CREATE SCHEMA sealed;
CREATE TABLE sealed.registration (LIKE plain.registration INCLUDING ALL);
INSERT INTO sealed.registration SELECT * FROM plain.registration;
CREATE TABLE sealed.history (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    committed_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revision sealed.registration NOT NULL
);
CREATE INDEX ON sealed.history (committed_by);
CREATE TABLE sealed.seal (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    before xid8 NOT NULL, -- every transaction below is over, and sealed
    revisions bigint NOT NULL,
    hash bytea NOT NULL
);
INSERT INTO sealed.seal (before, revisions, hash) VALUES (pg_current_xact_id(), 0, sha256('everstrand'));
CREATE FUNCTION sealed.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sealed.history (revision) VALUES (NEW);
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON sealed.registration FOR EACH ROW EXECUTE FUNCTION sealed.note();
CREATE FUNCTION sealed.seal() RETURNS void LANGUAGE sql AS $$
    INSERT INTO sealed.seal (before, revisions, hash)
    SELECT horizon, count(history.number), sha256(last.hash || coalesce(
        string_agg(sha256(convert_to(history.revision::text, 'UTF8')), '' ORDER BY committed_by, history.number), ''))
    FROM pg_snapshot_xmin(pg_current_snapshot()) AS horizon
    CROSS JOIN (SELECT before, hash FROM sealed.seal ORDER BY number DESC LIMIT 1) AS last
    LEFT JOIN sealed.history AS history ON committed_by >= last.before AND committed_by < horizon
    GROUP BY horizon, last.hash
$$;

VACUUM ANALYZE;
CHECKPOINT;
