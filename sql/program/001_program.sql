-- Manufacturers' copay programs, and what patients have used of them.
CREATE TABLE manufacturer_programs (
	tenant_id		uuid NOT NULL DEFAULT app_tenant(),
	program_id		text NOT NULL CHECK (program_id ~ '^[a-z0-9_]{3,64}$'),
	name			text NOT NULL,
	manufacturer		text NOT NULL,
	bin			text NOT NULL CHECK (bin ~ '^[0-9]{6}$'),
	pcn			text NOT NULL,
	group_id		text NOT NULL,
	-- Whoever is insured by a government gets no manufacturer's money: the anti-kickback statute, not a setting.
	insurance_types		text[] NOT NULL DEFAULT '{commercial}'
				CHECK (insurance_types <@ '{commercial,cash}' AND cardinality(insurance_types) > 0),
	excluded_bins		text[] NOT NULL DEFAULT '{}',		-- plans that the manufacturer leaves out
	target_copay_cents	bigint NOT NULL CHECK (target_copay_cents >= 0),
	max_per_rx_cents	bigint NOT NULL CHECK (max_per_rx_cents > 0),
	max_per_year_cents	bigint CHECK (max_per_year_cents > 0),	-- NULL: no limit
	min_age			integer CHECK (min_age BETWEEN 0 AND 120),
	valid_from		date NOT NULL,
	valid_until		date,					-- the last day
	active			boolean NOT NULL DEFAULT true,
	version			integer NOT NULL DEFAULT 1,
	created_at		timestamptz NOT NULL DEFAULT now(),
	updated_at		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, program_id),
	CHECK (valid_until >= valid_from)
);
SELECT protect_table('manufacturer_programs');

CREATE TABLE program_ndcs (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	program_id	text NOT NULL,
	ndc		text NOT NULL CHECK (ndc ~ '^[0-9]{11}$'),
	PRIMARY KEY (tenant_id, program_id, ndc),
	FOREIGN KEY (tenant_id, program_id) REFERENCES manufacturer_programs (tenant_id, program_id)
);
CREATE INDEX ON program_ndcs (tenant_id, ndc);
SELECT protect_table('program_ndcs');

-- What a patient has used of a program in a year, reservations included; the row is the lock under which a cap is kept.
CREATE TABLE program_years (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	program_id	text NOT NULL,
	patient_id	uuid NOT NULL,
	year		integer NOT NULL,
	used_cents	bigint NOT NULL DEFAULT 0 CHECK (used_cents >= 0),
	PRIMARY KEY (tenant_id, program_id, patient_id, year)
);
SELECT protect_table('program_years');

-- A prescription has one row: however often it is adjudicated, it counts once.
CREATE TABLE program_uses (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	prescription_id	uuid NOT NULL,
	patient_id	uuid NOT NULL,
	program_id	text NOT NULL,
	year		integer NOT NULL,
	claim		integer NOT NULL,			-- which claim of the prescription it is for
	state		text NOT NULL DEFAULT 'reserved' CHECK (state IN ('reserved', 'used', 'released')),
	amount_cents	bigint NOT NULL CHECK (amount_cents >= 0),
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, prescription_id)
);
CREATE INDEX ON program_uses (tenant_id, patient_id, year);
SELECT protect_table('program_uses');
SELECT legal_edges('program_uses', 'state', 'reserved>used reserved>released used>reserved used>released released>reserved released>used');
