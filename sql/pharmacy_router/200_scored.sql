-- The scored choice of a pharmacy: the network of pharmacies with what each can do, where ZIP codes lie, one routing per prescription with what was
-- recommended, what staff selected, and the capacity that it takes.

-- Centroids of ZIP code areas: public geography, the same for every tenant. Written by the importer, which is the owner.
CREATE TABLE zip_centroids (
	zip		text PRIMARY KEY CHECK (zip ~ '^[0-9]{5}$'),
	latitude	numeric(9,6) NOT NULL CHECK (latitude BETWEEN -90 AND 90),
	longitude	numeric(9,6) NOT NULL CHECK (longitude BETWEEN -180 AND 180)
);
CREATE INDEX zip_centroids_area ON zip_centroids (left(zip, 3));
SELECT grant_table('zip_centroids', 'SELECT');

-- Where a ZIP code lies; one that is not known by itself lies in the middle of those that share its first three digits. No row: nobody knows.
CREATE FUNCTION zip_location(asked text, OUT latitude numeric, OUT longitude numeric, OUT located text) RETURNS SETOF record LANGUAGE sql STABLE AS $$
	SELECT z.latitude, z.longitude, 'zip' FROM zip_centroids z WHERE z.zip = left(asked, 5)
	UNION ALL
	SELECT round(avg(z.latitude), 6), round(avg(z.longitude), 6), 'zip3' FROM zip_centroids z WHERE left(z.zip, 3) = left(asked, 3)
	  AND NOT EXISTS (SELECT FROM zip_centroids y WHERE y.zip = left(asked, 5)) HAVING count(*) > 0
$$;

CREATE TABLE pharmacies (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	name		text NOT NULL,
	npi		text NOT NULL CHECK (npi ~ '^[12][0-9]{9}$'),
	ncpdp		text NOT NULL CHECK (ncpdp ~ '^[0-9]{7}$'),
	dea		text CHECK (dea ~ '^[A-Z][A-Z9][0-9]{7}$'),	-- without one: no controlled substance
	code		text NOT NULL DEFAULT 'network',		-- which settings its API is reached by
	phone		text NOT NULL,
	line1		text NOT NULL,
	line2		text,
	city		text NOT NULL,
	state		text NOT NULL CHECK (state ~ '^[A-Z]{2}$'),
	zip		text NOT NULL CHECK (zip ~ '^[0-9]{5}(-[0-9]{4})?$'),
	status		text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'closed')),
	states		text[] NOT NULL,				-- where it may ship to
	service_miles	integer CHECK (service_miles > 0),		-- NULL: as far as the rules say
	specialty	boolean NOT NULL DEFAULT false,
	cold_chain	boolean NOT NULL DEFAULT false,
	controlled	boolean NOT NULL DEFAULT false,
	compounding	boolean NOT NULL DEFAULT false,
	drugs		text[] NOT NULL DEFAULT '{}',			-- beginnings of NDCs that it dispenses; none: every drug
	max_days_supply	integer NOT NULL DEFAULT 90 CHECK (max_days_supply > 0),
	max_daily_rx	integer NOT NULL CHECK (max_daily_rx > 0),
	max_concurrent_rx integer NOT NULL CHECK (max_concurrent_rx > 0),
	open_rx		integer NOT NULL DEFAULT 0 CHECK (open_rx >= 0),	-- selected, and neither completed nor taken back
	accuracy	numeric(5,4) NOT NULL CHECK (accuracy BETWEEN 0 AND 1),
	satisfaction	numeric(3,2) NOT NULL CHECK (satisfaction BETWEEN 0 AND 5),
	fulfillment_hours numeric(6,2) NOT NULL CHECK (fulfillment_hours >= 0),
	sample		boolean NOT NULL DEFAULT false,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT pharmacies_npi UNIQUE (tenant_id, npi),
	CONSTRAINT pharmacies_ncpdp UNIQUE (tenant_id, ncpdp),
	UNIQUE (tenant_id, id)
);
SELECT protect_table('pharmacies');

-- Whose insurance a pharmacy takes, and on what terms.
CREATE TABLE pharmacy_contracts (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	pharmacy_id	uuid NOT NULL,
	payer		text NOT NULL,					-- as the card names it; * is every payer
	bin		text CHECK (bin ~ '^[0-9]{6}$'),		-- given: it alone tells the payer
	tier		text NOT NULL CHECK (tier IN ('preferred', 'standard', 'out_of_network')),
	starts_on	date,
	ends_on		date,						-- the last day
	FOREIGN KEY (tenant_id, pharmacy_id) REFERENCES pharmacies (tenant_id, id),
	CHECK (starts_on <= ends_on)
);
CREATE INDEX ON pharmacy_contracts (pharmacy_id);
SELECT protect_table('pharmacy_contracts');

-- What of a day's capacity is taken. The check is the last word: no sum of selections passes it.
CREATE TABLE capacity_days (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	pharmacy_id	uuid NOT NULL,
	day		date NOT NULL,					-- in UTC
	current_daily_rx integer NOT NULL,
	max_daily_rx	integer NOT NULL,				-- as it was when the last was taken
	PRIMARY KEY (tenant_id, pharmacy_id, day),
	FOREIGN KEY (tenant_id, pharmacy_id) REFERENCES pharmacies (tenant_id, id),
	CONSTRAINT capacity_days_kept CHECK (current_daily_rx BETWEEN 0 AND max_daily_rx)
) WITH (fillfactor = 70);
SELECT protect_table('capacity_days');

-- One per prescription; a round per time that it was scored.
CREATE TABLE routings (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	prescription_id	uuid NOT NULL,
	patient_id	uuid NOT NULL,
	enrollment_id	uuid,
	round		integer NOT NULL DEFAULT 1,
	status		text NOT NULL DEFAULT 'waiting'
			CHECK (status IN ('waiting', 'recommended', 'no_pharmacy', 'selected', 'closed')),
	controlled	boolean NOT NULL DEFAULT false,
	left_out	uuid[] NOT NULL DEFAULT '{}',			-- pharmacies that staff or a payer turned down
	inputs_enc	bytea,						-- everything that the last round was decided from, sealed
	considered	integer NOT NULL DEFAULT 0,
	excluded	jsonb NOT NULL DEFAULT '[]',			-- of the last round: pharmacy_id, name, reasons
	routed_at	timestamptz,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT routings_once UNIQUE (tenant_id, prescription_id)
);
CREATE INDEX routings_open ON routings (status) WHERE status IN ('waiting', 'no_pharmacy');
SELECT legal_edges('routings', 'status', 'waiting>recommended waiting>no_pharmacy waiting>closed recommended>selected recommended>waiting
	recommended>closed no_pharmacy>waiting no_pharmacy>closed selected>waiting selected>closed');
SELECT protect_table('routings');

CREATE TABLE recommendations (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	routing_id	uuid NOT NULL REFERENCES routings (id),
	round		integer NOT NULL,
	rank		integer NOT NULL CHECK (rank BETWEEN 1 AND 5),
	pharmacy_id	uuid NOT NULL,
	score		numeric(7,4) NOT NULL,				-- of 100
	breakdown	jsonb NOT NULL,					-- facts, scores, weights and points as they were
	created_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (routing_id, round, rank),
	UNIQUE (routing_id, round, pharmacy_id),
	FOREIGN KEY (tenant_id, pharmacy_id) REFERENCES pharmacies (tenant_id, id)
);
SELECT append_only('recommendations');
SELECT protect_table('recommendations');

-- What staff selected; it holds capacity until it is released.
CREATE TABLE pharmacy_selections (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	routing_id	uuid NOT NULL REFERENCES routings (id),
	prescription_id	uuid NOT NULL,
	pharmacy_id	uuid NOT NULL,
	rank		integer NOT NULL,
	capacity_day	date NOT NULL,
	selected_by	text NOT NULL,					-- who the credential says
	named		text,						-- who the body says, where the credential is nobody's own
	selection_reason text,
	selected_at	timestamptz NOT NULL DEFAULT now(),
	released_at	timestamptz,
	released_why	text,
	FOREIGN KEY (tenant_id, pharmacy_id) REFERENCES pharmacies (tenant_id, id),
	CHECK ((released_at IS NULL) = (released_why IS NULL))
);
CREATE UNIQUE INDEX pharmacy_selections_one ON pharmacy_selections (routing_id) WHERE released_at IS NULL;
CREATE INDEX ON pharmacy_selections (pharmacy_id) WHERE released_at IS NULL;
SELECT protect_table('pharmacy_selections');

-- The seed's queue, seen in the one that every job of the service waits in.
CREATE VIEW routing_jobs WITH (security_invoker = true) AS
	SELECT id AS job_id, (args ->> 'prescriptionId')::uuid AS prescription_id, state AS status, attempt AS retry_count, max_attempts AS max_retries,
	    last_error AS error_message, lease_until AS locked_until, lease_by AS locked_by, run_at AS next_check_at, created_at, finished_at AS completed_at
	FROM job WHERE kind = 'routing.run';
SELECT grant_table('routing_jobs', 'SELECT');
