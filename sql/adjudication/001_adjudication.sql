-- Claims of prescriptions at their pharmacies, what they came to, and prior authorisations.
CREATE TABLE adjudications (
	id			uuid PRIMARY KEY,
	tenant_id		uuid NOT NULL DEFAULT app_tenant(),
	prescription_id		uuid NOT NULL,
	patient_id		uuid NOT NULL,
	pharmacy_id		text NOT NULL,
	pharmacy_name		text NOT NULL,
	status			text NOT NULL DEFAULT 'queued'
				CHECK (status IN ('queued', 'sending', 'claimed', 'prior_auth_required', 'approved', 'rejected', 'manual')),
	reason			text,					-- a code: an NCPDP reject code, prior_auth_denied, …
	claim			integer NOT NULL DEFAULT 1,		-- which of the prescription's claims is the current one
	prior_auth_number	text,					-- the payer's, once it has authorised
	insurance_type		text,
	program_id		text,					-- what was offered with the current claim
	program_name		text,
	max_discount_cents	bigint,
	claimed_at		timestamptz,
	late_since		timestamptz,				-- nobody answered in time, and staff was told
	payer_claim_id		text,					-- the payer's, of the result that counts
	drug_cost_cents		bigint CHECK (drug_cost_cents >= 0),
	insurance_paid_cents	bigint CHECK (insurance_paid_cents >= 0),
	copay_cents		bigint CHECK (copay_cents >= 0),
	discount_cents		bigint CHECK (discount_cents >= 0),
	final_copay_cents	bigint CHECK (final_copay_cents >= 0),
	programs		jsonb,					-- [{program_id, program_name, status, discount_cents, reduced_copay_cents}]
	paid_at			timestamptz,				-- the patient paid: the figures stand
	version			integer NOT NULL DEFAULT 1,
	created_at		timestamptz NOT NULL DEFAULT now(),
	updated_at		timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT adjudications_once UNIQUE (tenant_id, prescription_id),
	CHECK (drug_cost_cents = insurance_paid_cents + copay_cents),
	CHECK (copay_cents - discount_cents = final_copay_cents)
);
CREATE INDEX ON adjudications (tenant_id, status, updated_at);
CREATE INDEX adjudications_waiting ON adjudications (claimed_at) WHERE status = 'claimed' AND late_since IS NULL;
SELECT protect_table('adjudications');
SELECT legal_edges('adjudications', 'status', 'queued>sending queued>manual queued>rejected
	sending>claimed sending>rejected sending>manual sending>approved sending>prior_auth_required sending>queued
	claimed>approved claimed>rejected claimed>prior_auth_required claimed>queued claimed>manual
	prior_auth_required>queued prior_auth_required>rejected prior_auth_required>approved
	rejected>queued rejected>approved rejected>prior_auth_required
	manual>queued manual>approved manual>rejected manual>prior_auth_required manual>claimed
	approved>queued approved>rejected approved>prior_auth_required');

CREATE TABLE adjudication_history (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	adjudication_id	uuid NOT NULL REFERENCES adjudications (id),
	from_status	text,
	to_status	text NOT NULL,
	claim		integer NOT NULL,
	reason		text,
	at		timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON adjudication_history (adjudication_id, id);
SELECT protect_table('adjudication_history');
SELECT append_only('adjudication_history');

-- Every result that came, whatever became of it.
CREATE TABLE adjudication_results (
	id		uuid PRIMARY KEY,			-- the webhook's row, which holds the bytes
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	adjudication_id	uuid NOT NULL REFERENCES adjudications (id),
	claim		integer NOT NULL,
	payer_claim_id	text NOT NULL,
	status		text NOT NULL,				-- approved, rejected, prior_auth_required
	figures		text NOT NULL,				-- digest of status and amounts: whether two results say the same
	outcome		text NOT NULL CHECK (outcome IN ('applied', 'repeated', 'late', 'inconsistent', 'after_payment')),
	happened_at	timestamptz,				-- by the pharmacy's clock, where it says so
	at		timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON adjudication_results (adjudication_id, at);
SELECT protect_table('adjudication_results');
SELECT append_only('adjudication_results');

CREATE TABLE prior_authorizations (
	id			uuid PRIMARY KEY,
	tenant_id		uuid NOT NULL DEFAULT app_tenant(),
	adjudication_id		uuid NOT NULL REFERENCES adjudications (id),
	prescription_id		uuid NOT NULL,
	patient_id		uuid NOT NULL,
	claim			integer NOT NULL,		-- the claim that needed it
	status			text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'submitted', 'approved', 'denied', 'appealed', 'withdrawn')),
	reason			text,				-- a code
	number			text,				-- the payer's authorisation
	appeals			integer NOT NULL DEFAULT 0,
	submitted_at		timestamptz,
	decided_at		timestamptz,
	version			integer NOT NULL DEFAULT 1,
	created_at		timestamptz NOT NULL DEFAULT now(),
	updated_at		timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT prior_authorizations_once UNIQUE (tenant_id, adjudication_id, claim),
	CHECK ((status = 'approved') = (number IS NOT NULL))
);
CREATE INDEX ON prior_authorizations (tenant_id, status, created_at);
SELECT protect_table('prior_authorizations');
SELECT legal_edges('prior_authorizations', 'status', 'pending>submitted pending>withdrawn submitted>approved submitted>denied submitted>withdrawn
	denied>appealed denied>withdrawn appealed>approved appealed>denied appealed>withdrawn');

-- The jobs that make claims, as the other worker queues are shown.
CREATE VIEW adjudication_jobs WITH (security_invoker = true) AS
	SELECT id, kind AS job_id, (args ->> 'prescriptionId')::uuid AS prescription_id, state AS status, attempt AS retry_count,
	    max_attempts AS max_retries, last_error AS error_message, CASE WHEN state = 'running' THEN lease_until END AS locked_until,
	    lease_by AS locked_by, run_at AS next_check_at, created_at, finished_at AS completed_at
	FROM job WHERE kind = 'claim.prepare';
SELECT grant_table('adjudication_jobs', 'SELECT');
