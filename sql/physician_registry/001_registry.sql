-- Who may prescribe where, which case is open to whom, who took it, and what is owed for the visit.

-- The check digit of a National Provider Identifier: Luhn over the number with the prefix 80840, whose part of the sum is 24.
CREATE FUNCTION npi_valid(npi text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN npi ~ '^[12][0-9]{9}$' THEN (
		SELECT (24 + sum(CASE WHEN i % 2 = 1 THEN d * 2 / 10 + d * 2 % 10 ELSE d END)) % 10 = 0
		FROM (SELECT i, substr(npi, i, 1)::int AS d FROM generate_series(1, 10) i) digits)
	ELSE false END
$$;

CREATE TABLE physicians (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	npi		text NOT NULL,
	first_name	text NOT NULL,
	last_name	text NOT NULL,
	credentials	text NOT NULL,				-- MD, DO, FNP-C
	email		text NOT NULL,
	platform	text NOT NULL CHECK (platform IN ('yourera', 'guideglp', 'both')),
	active		boolean NOT NULL DEFAULT true,
	sample		boolean NOT NULL DEFAULT false,		-- synthetic; live mode refuses to start beside one
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT physicians_npi UNIQUE (tenant_id, npi),
	CONSTRAINT physicians_npi_check CHECK (npi_valid(npi))
);
SELECT protect_table('physicians');

CREATE TABLE physician_licenses (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	physician_id	uuid NOT NULL REFERENCES physicians (id),
	state		text NOT NULL CHECK (state ~ '^[A-Z]{2}$'),
	license_number	text NOT NULL,
	license_type	text NOT NULL,
	expires_on	date NOT NULL,				-- the last day on which it is good
	updated_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (physician_id, state)
);
CREATE INDEX ON physician_licenses (state);
SELECT protect_table('physician_licenses');

-- The prescriber of a state, platform by platform; the lowest number is asked first.
CREATE TABLE physician_routing (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	platform	text NOT NULL CHECK (platform IN ('yourera', 'guideglp')),
	state		text NOT NULL CHECK (state ~ '^[A-Z]{2}$'),
	priority	integer NOT NULL CHECK (priority BETWEEN 1 AND 1000),
	physician_id	uuid NOT NULL REFERENCES physicians (id),
	PRIMARY KEY (physician_id, platform, state)
);
CREATE INDEX ON physician_routing (platform, state, priority);
SELECT protect_table('physician_routing');

-- One case, one assignment. pool: open to all in the junction, the first claim wins; direct: assigned by staff.
CREATE TABLE prescription_assignments (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	submission_id	uuid NOT NULL,
	patient_id	uuid NOT NULL,
	state		text NOT NULL CHECK (state ~ '^[A-Z]{2}$'),
	platform	text NOT NULL CHECK (platform IN ('yourera', 'guideglp')),
	intake_type	text NOT NULL,
	mode		text NOT NULL DEFAULT 'pool' CHECK (mode IN ('pool', 'direct')),
	status		text NOT NULL DEFAULT 'open'
			CHECK (status IN ('open', 'claimed', 'completed', 'released', 'expired', 'cancelled')),
	claimed_by	uuid REFERENCES physicians (id),
	claimed_at	timestamptz,
	outcome		text CHECK (outcome IN ('approved', 'denied')),
	run_id		uuid,
	opened_at	timestamptz NOT NULL DEFAULT now(),
	completed_at	timestamptz,
	CONSTRAINT prescription_assignments_once UNIQUE (tenant_id, submission_id),
	CHECK (status NOT IN ('claimed', 'completed') OR (claimed_by IS NOT NULL AND claimed_at IS NOT NULL)),
	CHECK ((status = 'completed') = (completed_at IS NOT NULL AND outcome IS NOT NULL))
) WITH (fillfactor = 80);
SELECT legal_edges('prescription_assignments', 'status', 'open>claimed claimed>completed');
SELECT protect_table('prescription_assignments');

-- The junction: who may claim it, decided when it was opened. The licence is looked at again when it is claimed.
CREATE TABLE assignment_physicians (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	assignment_id	uuid NOT NULL REFERENCES prescription_assignments (id),
	physician_id	uuid NOT NULL REFERENCES physicians (id),
	alerted_at	timestamptz,
	PRIMARY KEY (assignment_id, physician_id)
);
CREATE INDEX ON assignment_physicians (physician_id);
SELECT protect_table('assignment_physicians');

-- Every move of an assignment. A trigger, so that no statement can forget it and a claim pays no round trip for it.
CREATE TABLE assignment_history (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	assignment_id	uuid NOT NULL,
	from_status	text,
	to_status	text NOT NULL,
	physician_id	uuid,
	at		timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON assignment_history (assignment_id, id);
SELECT append_only('assignment_history');
SELECT protect_table('assignment_history');

CREATE FUNCTION assignment_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO assignment_history (tenant_id, assignment_id, from_status, to_status, physician_id)
	VALUES (NEW.tenant_id, NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status, NEW.claimed_by);
	RETURN NULL;
END $$;
CREATE TRIGGER opened AFTER INSERT ON prescription_assignments FOR EACH ROW EXECUTE FUNCTION assignment_moved();
CREATE TRIGGER moved AFTER UPDATE OF status ON prescription_assignments FOR EACH ROW
	WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION assignment_moved();

-- The "Rx Review" task of a case in the EHR. A row of its own: its news and the case's may come in any order.
CREATE TABLE review_tasks (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	submission_id	uuid PRIMARY KEY,
	task_id		text NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now()
);
SELECT protect_table('review_tasks');

-- Pay per visit: one line for each completed assignment, never changed.
CREATE TABLE visit_credits (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	assignment_id	uuid NOT NULL REFERENCES prescription_assignments (id),
	physician_id	uuid NOT NULL REFERENCES physicians (id),
	outcome		text NOT NULL,
	amount_cents	bigint NOT NULL CHECK (amount_cents >= 0),
	currency	text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	credited_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT visit_credits_once UNIQUE (assignment_id)
);
CREATE INDEX ON visit_credits (physician_id, credited_at);
SELECT append_only('visit_credits');
SELECT protect_table('visit_credits');

CREATE VIEW registry_api_keys AS SELECT key_id, secret_enc, caller, scopes, created_at, revoked_at FROM api_key;
