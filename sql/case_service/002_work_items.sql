-- The inbox of the staff: what a service cannot end by itself. One open item per (service, kind, subject); its cause closes it, or a person with a reason.
CREATE TABLE work_item (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	service		text NOT NULL,			-- where it happened, and where its safe actions are done
	kind		text NOT NULL,
	subject		text NOT NULL,
	code		text NOT NULL,			-- what happened
	submission_id	uuid,
	patient_id	uuid,
	detail		jsonb NOT NULL DEFAULT '{}',	-- ids, codes, amounts
	state		text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'taken', 'done')),
	owner		text,
	due_at		timestamptz NOT NULL,
	times		integer NOT NULL DEFAULT 1,
	ended_by	text CHECK (ended_by IN ('cause', 'person')),
	reason		text,
	raised_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	done_at		timestamptz,
	CHECK ((state = 'done') = (done_at IS NOT NULL)),
	CHECK (state <> 'taken' OR owner IS NOT NULL)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX work_item_once ON work_item (tenant_id, service, kind, subject) WHERE state <> 'done';
CREATE INDEX work_item_due ON work_item (tenant_id, due_at, id) WHERE state <> 'done';
CREATE INDEX work_item_submission ON work_item (submission_id);
SELECT legal_edges('work_item', 'state', 'open>taken taken>open open>done taken>done');
SELECT protect_table('work_item');

CREATE TABLE work_item_history (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	item_id		uuid NOT NULL REFERENCES work_item (id),
	at		timestamptz NOT NULL DEFAULT clock_timestamp(),
	actor		text NOT NULL,
	what		text NOT NULL,			-- raised, again, taken, released, note, retry, …, cleared, resolved
	code		text,
	note_enc	bytea				-- what a person wrote, sealed
);
CREATE INDEX ON work_item_history (item_id, at);
SELECT append_only('work_item_history');
SELECT protect_table('work_item_history');

-- Items that were kept elsewhere before, and what became of them here: a batch that is sent twice is taken once.
CREATE TABLE work_item_carried (
	id		uuid PRIMARY KEY,		-- as it was there
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	item_id		uuid NOT NULL REFERENCES work_item (id),
	at		timestamptz NOT NULL DEFAULT now()
);
SELECT protect_table('work_item_carried');
