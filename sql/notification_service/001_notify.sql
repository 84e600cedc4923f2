-- Who is told what, by which channel, in which words.
CREATE TABLE notification_channel_config (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	type		text NOT NULL,
	email		boolean NOT NULL DEFAULT false,
	sms		boolean NOT NULL DEFAULT false,
	hubspot		boolean NOT NULL DEFAULT false,
	slack		boolean NOT NULL DEFAULT false,
	push		boolean NOT NULL DEFAULT false,
	in_app		boolean NOT NULL DEFAULT false,
	updated_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, type)
);
SELECT protect_table('notification_channel_config');

-- A template is never changed: an edit is a new version, the newest is used.
CREATE TABLE notification_templates (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	type		text NOT NULL,
	channel		text NOT NULL CHECK (channel IN ('email', 'sms', 'slack', 'hubspot', 'push', 'in_app')),
	locale		text NOT NULL DEFAULT 'en',
	version		integer NOT NULL,
	subject		text,
	body		text NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	UNIQUE (tenant_id, type, channel, locale, version)
);
SELECT protect_table('notification_templates');

CREATE TABLE notification_messages (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	type		text NOT NULL,
	message_key	text NOT NULL,
	caller		text NOT NULL,
	patient_id	uuid,
	submission_id	uuid,
	recipient_enc	bytea NOT NULL,			-- addresses as given, sealed
	variables_enc	bytea NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT notification_messages_once UNIQUE (tenant_id, type, message_key)
);
SELECT protect_table('notification_messages');

CREATE TABLE notification_log (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	message_id	uuid NOT NULL REFERENCES notification_messages (id),
	channel		text NOT NULL,
	status		text NOT NULL DEFAULT 'queued'
			CHECK (status IN ('queued', 'sent', 'delivered', 'failed', 'unknown', 'suppressed', 'no_address', 'not_configured')),
	template_id	bigint,
	provider_id	text,
	error_code	text,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	UNIQUE (message_id, channel)
);
SELECT protect_table('notification_log');

CREATE VIEW notifications WITH (security_invoker = true) AS
	SELECT l.id, m.type, m.patient_id, m.submission_id, l.channel, l.status, l.created_at, l.updated_at
	  FROM notification_log l JOIN notification_messages m ON m.id = l.message_id;
