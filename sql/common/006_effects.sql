-- Acts at vendors, and several services brought to one end (rules M1 to M10): the request bytes are here before the first one leaves.

CREATE TABLE effect (
	id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL,
	kind text NOT NULL,
	subject uuid NOT NULL,			-- the service's row that it is for
	patient uuid,				-- whose key seals the request; NULL = the service's
	generation integer NOT NULL DEFAULT 1,
	vendor_key text NOT NULL,
	method text NOT NULL,
	path text NOT NULL,
	content_type text,
	request_enc bytea,
	request_digest bytea NOT NULL,
	state text NOT NULL DEFAULT 'intent' CHECK (state IN ('intent', 'sent', 'confirmed', 'refused', 'unknown', 'manual')),
	attempts integer NOT NULL DEFAULT 0,
	http_status integer,
	vendor_ref text,
	response_digest bytea,
	error_code text,
	request_id text,
	deadline timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	first_sent_at timestamptz,
	sent_at timestamptz,
	settled_at timestamptz,
	updated_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (kind, subject, generation)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX effect_vendor_key ON effect (kind, vendor_key);
CREATE INDEX effect_open ON effect (state, deadline) WHERE state IN ('intent', 'sent', 'unknown', 'manual');
-- sent>intent and unknown>intent: the vendor certainly did nothing. manual moves by evidence or by a person, never by a retry.
SELECT legal_edges('effect', 'state', 'intent>sent intent>refused intent>manual sent>intent sent>confirmed sent>refused sent>unknown
	sent>manual unknown>intent unknown>sent unknown>confirmed unknown>refused unknown>manual manual>confirmed manual>refused');
SELECT grant_table('effect', 'SELECT, INSERT, UPDATE');

CREATE TABLE saga (
	id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL,
	kind text NOT NULL,
	subject uuid NOT NULL,
	version bigint NOT NULL DEFAULT 1,	-- compare and set
	state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'compensating', 'completed', 'failed', 'compensated', 'manual')),
	step integer NOT NULL DEFAULT 0,
	data jsonb NOT NULL DEFAULT '{}',	-- ids, codes, amounts
	reason text,
	request_id text,
	deadline timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	finished_at timestamptz,
	UNIQUE (kind, subject)
) WITH (fillfactor = 70);
CREATE INDEX saga_open ON saga (state, deadline) WHERE state IN ('running', 'compensating', 'manual');
SELECT legal_edges('saga', 'state', 'running>completed running>failed running>compensating running>manual
	compensating>compensated compensating>failed compensating>manual manual>running manual>compensating manual>completed manual>failed');
SELECT grant_table('saga', 'SELECT, INSERT, UPDATE');

CREATE TABLE saga_step (
	id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),	-- the row id that seals the request
	saga_id uuid NOT NULL REFERENCES saga (id),
	step_no integer NOT NULL,
	gen integer NOT NULL DEFAULT 1,		-- grows only after a confirmed final failure and a new act of a user
	undo boolean NOT NULL DEFAULT false,	-- the compensation of that step: a step of its own, with its own key
	name text NOT NULL,
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'skipped', 'intent', 'sent', 'confirmed', 'failed', 'unknown',
	    'compensating', 'compensated', 'manual')),
	service text,
	method text,
	path text,
	vendor_key text,
	patient uuid,
	request_enc bytea,
	request_digest bytea,
	attempts integer NOT NULL DEFAULT 0,
	polls integer NOT NULL DEFAULT 0,
	vendor_ref text,
	response_digest bytea,
	result jsonb,
	warning text,
	reason text,
	deadline timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	intent_at timestamptz,
	sent_at timestamptz,
	finished_at timestamptz,
	PRIMARY KEY (saga_id, step_no, gen, undo)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX saga_step_vendor_key ON saga_step (vendor_key);
CREATE INDEX saga_step_open ON saga_step (state, deadline) WHERE state IN ('intent', 'sent', 'unknown', 'manual');
SELECT legal_edges('saga_step', 'state', 'pending>intent pending>skipped pending>confirmed pending>failed pending>manual pending>compensated
	intent>sent intent>skipped intent>confirmed intent>failed intent>unknown intent>manual
	sent>intent sent>confirmed sent>failed sent>unknown sent>manual unknown>sent unknown>confirmed unknown>failed unknown>manual
	confirmed>compensating confirmed>compensated compensating>compensated compensating>manual compensating>failed
	manual>confirmed manual>failed manual>compensated manual>compensating');
SELECT grant_table('saga_step', 'SELECT, INSERT, UPDATE');
