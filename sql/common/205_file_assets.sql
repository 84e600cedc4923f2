-- Files that are too large for a row: pictures, documents. The bytes lie in a directory or a bucket, sealed under a key of their own; that key is here,
-- sealed under its patient's, so that keys that are rotated or erased concern this table alone. A file without expires_at is kept.
CREATE TABLE file_assets (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	subject		uuid NOT NULL,			-- whose key seals
	belongs_to	uuid NOT NULL,			-- the row of the service that it is part of
	kind		text NOT NULL,
	media		text NOT NULL,
	size		bigint NOT NULL CHECK (size > 0),
	width		integer,
	height		integer,
	digest		bytea NOT NULL,			-- SHA-256 of the sealed bytes
	object		text NOT NULL UNIQUE,		-- service/tenant/day/id
	key_enc		bytea NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	expires_at	timestamptz
);
CREATE INDEX file_assets_of ON file_assets (belongs_to, kind);
CREATE INDEX file_assets_over ON file_assets (expires_at) WHERE expires_at IS NOT NULL;
SELECT protect_table('file_assets');
