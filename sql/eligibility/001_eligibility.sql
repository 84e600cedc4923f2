-- Who may be served: rules as rows, what is known of a case, and every decision with its reasons.

-- A set of rules is never changed, only followed by another: a decision names the one it was made by.
CREATE TABLE eligibility_rulesets (
	version		text NOT NULL,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	active		boolean NOT NULL DEFAULT false,
	created_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, version)
);
CREATE UNIQUE INDEX eligibility_rulesets_active ON eligibility_rulesets (tenant_id) WHERE active;
SELECT protect_table('eligibility_rulesets');

CREATE TABLE eligibility_rules (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	version		text NOT NULL,
	position	integer NOT NULL,
	reason		text NOT NULL,			-- the code that a patient who does not meet it is given
	kind		text NOT NULL CHECK (kind IN ('excluded_state', 'minimum_age', 'maximum_age', 'minimum_bmi', 'excluded_condition', 'consent')),
	intake_type	text,				-- only for these; NULL: for all
	codes		text[] NOT NULL DEFAULT '{}',	-- states, beginnings of ICD-10 codes, types of consent
	bound		numeric,			-- years, kg/m2
	PRIMARY KEY (tenant_id, version, position),
	FOREIGN KEY (tenant_id, version) REFERENCES eligibility_rulesets (tenant_id, version)
);
SELECT append_only('eligibility_rules');
SELECT protect_table('eligibility_rules');

-- The facts are the patient's, sealed; they are here once the job has asked the intake for them.
CREATE TABLE eligibility_cases (
	case_id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid NOT NULL,
	state		text NOT NULL,
	intake_type	text NOT NULL,
	facts_enc	bytea,
	created_at	timestamptz NOT NULL DEFAULT now()
);
SELECT protect_table('eligibility_cases');

-- A check that decides as the last one did, by the same rules, is the last one.
CREATE TABLE eligibility_checks (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	case_id		uuid NOT NULL REFERENCES eligibility_cases (case_id),
	n		integer NOT NULL,
	eligible	boolean NOT NULL,
	reasons		jsonb NOT NULL,
	rule_version	text NOT NULL,
	actor		text NOT NULL,
	checked_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT eligibility_checks_once UNIQUE (case_id, n),
	CHECK (eligible = (reasons = '[]'))
);
SELECT append_only('eligibility_checks');
SELECT protect_table('eligibility_checks');
