-- Our rows against a vendor's own (X-SAGA-07): a row a round, and each disagreement from the round that found it to the one that did not.

CREATE TABLE reconciliation (
	id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL,
	vendor text NOT NULL,
	closes date,				-- the day that this round closes; NULL: one of the rounds between
	since timestamptz NOT NULL,
	until timestamptz NOT NULL,
	compared bigint NOT NULL,		-- objects that one of the two sides has
	ours_cents bigint,			-- NULL where no money is compared
	theirs_cents bigint,
	differences bigint NOT NULL,
	finished_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX reconciliation_close ON reconciliation (vendor, closes) WHERE closes IS NOT NULL;
CREATE INDEX reconciliation_last ON reconciliation (vendor, finished_at);
SELECT grant_table('reconciliation', 'SELECT, INSERT');

CREATE TABLE reconciliation_difference (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	tenant_id uuid NOT NULL,
	vendor text NOT NULL,
	kind text NOT NULL CHECK (kind IN ('missing_here', 'missing_there', 'amount', 'state')),
	subject text NOT NULL,			-- our id; the vendor's where we have none
	vendor_ref text,
	ours text,				-- a state or an amount, as a word
	theirs text,
	object_at timestamptz NOT NULL,		-- when the object came to be: which windows hold it
	found_at timestamptz NOT NULL DEFAULT now(),
	seen_in uuid NOT NULL,			-- the last round that saw it
	resolved_at timestamptz
);
CREATE UNIQUE INDEX reconciliation_difference_open ON reconciliation_difference (vendor, kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX reconciliation_difference_age ON reconciliation_difference (found_at);
SELECT grant_table('reconciliation_difference', 'SELECT, INSERT, UPDATE');
