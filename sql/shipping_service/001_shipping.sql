-- Parcels: what leaves our pharmacy and what a pharmacy ships itself.
CREATE TABLE ship_origins (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	pharmacy	text NOT NULL,
	contact		text NOT NULL,
	company		text NOT NULL,
	phone		text NOT NULL,
	line1		text NOT NULL,
	city		text NOT NULL,
	state		text NOT NULL,
	zip		text NOT NULL,
	PRIMARY KEY (tenant_id, pharmacy)
);
SELECT protect_table('ship_origins');

CREATE TABLE shipments (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	external_id	uuid NOT NULL,				-- the run, or the router's prescription behind it
	submission_id	uuid NOT NULL,
	patient_id	uuid NOT NULL,
	kind		text NOT NULL CHECK (kind IN ('own', 'external')),
	pharmacy	text NOT NULL,
	status		text NOT NULL DEFAULT 'requested'
			CHECK (status IN ('requested', 'label_created', 'printed', 'packed', 'shipped', 'in_transit', 'out_for_delivery',
			    'delivered', 'exception', 'returned', 'voided', 'manual')),
	reason		text,
	carrier		text NOT NULL DEFAULT 'fedex',
	tracking_number	text,
	address_enc	bytea,					-- own parcels only
	label_enc	bytea,
	version		integer NOT NULL DEFAULT 1,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT shipments_once UNIQUE (tenant_id, external_id, kind)
);
SELECT protect_table('shipments');

CREATE TABLE shipment_history (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	shipment_id	uuid NOT NULL REFERENCES shipments (id),
	from_status	text NOT NULL,
	to_status	text NOT NULL,
	at		timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON shipment_history (shipment_id, id);
SELECT protect_table('shipment_history');

CREATE TABLE print_queue (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	shipment_id	uuid NOT NULL UNIQUE REFERENCES shipments (id),
	pharmacy	text NOT NULL,
	status		text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'printing', 'printed', 'error')),
	error		text,
	created_at	timestamptz NOT NULL DEFAULT now(),
	printed_at	timestamptz
);
CREATE INDEX ON print_queue (tenant_id, pharmacy, status, created_at);
SELECT protect_table('print_queue');
SELECT legal_edges('print_queue', 'status', 'pending>printing pending>printed printing>printed printing>error pending>error error>pending');

CREATE TABLE tracking_events (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	shipment_id	uuid NOT NULL REFERENCES shipments (id),
	at		timestamptz NOT NULL,
	code		text NOT NULL,
	description	text,
	PRIMARY KEY (shipment_id, at, code)
);
SELECT protect_table('tracking_events');
