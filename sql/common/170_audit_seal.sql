-- The audit trail under seal (rules L2 to L6): a leaf per row, and seals, each over the leaves since the one before, chained and signed.
--
-- telerx_<service>_sealer reads the trail and appends leaves and seals; telerx_<service>_verifier reads all three; the processes of the
-- service have no right on leaves and seals at all. Nobody changes or removes a row: the trigger holds for the owner too.

-- Order of the log: (xid, id). Everything below pg_snapshot_xmin() has ended, so nothing can appear behind a seal.
CREATE INDEX audit_xid ON audit (xid);

CREATE TABLE audit_leaf (
	leaf_no bigint PRIMARY KEY CHECK (leaf_no > 0),		-- gapless, from 1
	audit_id uuid NOT NULL,
	hash bytea NOT NULL CHECK (octet_length(hash) = 32)
);

-- A seal covers leaves lo to hi, which are the rows after the last seal's (xid, last) up to its own.
CREATE TABLE audit_seal (
	n bigint PRIMARY KEY CHECK (n > 0),			-- gapless, from 1
	lo bigint NOT NULL,
	hi bigint NOT NULL CHECK (hi >= lo),
	xid xid8 NOT NULL,
	last uuid NOT NULL,
	at timestamptz NOT NULL,
	prev bytea NOT NULL CHECK (octet_length(prev) = 32),	-- digest of seal n - 1; zeros for the first
	root bytea NOT NULL CHECK (octet_length(root) = 32),	-- SHA-256 Merkle root (RFC 9162)
	key_id text NOT NULL,
	signature bytea NOT NULL CHECK (octet_length(signature) = 64)
);

SELECT append_only('audit_leaf');
SELECT append_only('audit_seal');

DO $$
DECLARE
	sealer text := app_role() || '_sealer';
	verifier text := app_role() || '_verifier';
BEGIN
	EXECUTE format('REVOKE ALL ON audit_leaf, audit_seal FROM %I, %I', app_role(), reader_role());
	EXECUTE format('GRANT SELECT ON audit, audit_leaf, audit_seal TO %I, %I', sealer, verifier);
	EXECUTE format('GRANT INSERT ON audit_leaf, audit_seal TO %I', sealer);
	-- Who looks into the trail leaves a row in it.
	EXECUTE format('GRANT INSERT ON audit TO %I', verifier);
END $$;

-- For how many seconds the oldest row waits for its seal: what a service's own processes may know of the seals, so that each can raise
-- the alarm when no sealer is at work.
CREATE FUNCTION audit_unsealed_seconds() RETURNS double precision LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
	SELECT coalesce(extract(epoch FROM clock_timestamp() - min(a.at)), 0)::double precision FROM
	    (SELECT coalesce(max(n), 0) AS n FROM audit_seal) h LEFT JOIN audit_seal s ON s.n = h.n,
	    LATERAL (SELECT at FROM audit WHERE xid >= coalesce(s.xid, '0'::xid8)
	        AND (xid, id) > (coalesce(s.xid, '0'::xid8), coalesce(s.last, '00000000-0000-0000-0000-000000000000'::uuid)) ORDER BY xid LIMIT 100) a
$$;
REVOKE ALL ON FUNCTION audit_unsealed_seconds() FROM PUBLIC;
DO $$ BEGIN
	EXECUTE format('GRANT EXECUTE ON FUNCTION audit_unsealed_seconds() TO %I', app_role());
END $$;
