-- What waits for a person, seen from the service where it happened. The row is there while its cause is; the inbox that staff works through is
-- kept by whoever consumes attention.raised and attention.cleared.

CREATE TABLE attention (
	kind text NOT NULL,			-- job.dead, effect.manual, payment.mismatch
	subject text NOT NULL,			-- an id within the kind
	tenant_id uuid NOT NULL,
	code text NOT NULL,			-- what happened
	submission_id uuid,
	patient_id uuid,
	detail jsonb NOT NULL DEFAULT '{}',	-- ids, codes, amounts
	times integer NOT NULL DEFAULT 1,
	raised_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (kind, subject)
) WITH (fillfactor = 80);
SELECT grant_table('attention', 'SELECT, INSERT, UPDATE, DELETE');
