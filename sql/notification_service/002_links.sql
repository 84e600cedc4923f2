-- Short addresses in messages, and what a patient agreed to be told.

-- The code itself is in the message only; here is its digest. It opens nothing after its time.
CREATE TABLE short_links (
	id		uuid PRIMARY KEY,			-- of the delivery that carries it
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	code_digest	bytea NOT NULL,
	target_enc	bytea NOT NULL,
	expires_at	timestamptz NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT short_links_code UNIQUE (tenant_id, code_digest)
);
CREATE INDEX ON short_links (expires_at);
SELECT protect_table('short_links');

-- detailed: messages may name the drug. Nobody agreed who has no row.
CREATE TABLE preferences (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid NOT NULL,
	detailed	boolean NOT NULL,
	recorded_by	text NOT NULL,
	recorded_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, patient_id)
);
SELECT protect_table('preferences');
