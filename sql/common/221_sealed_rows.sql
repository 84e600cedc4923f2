-- Which column is the row id that a sealed value is bound to: id, or else the table's primary key when that is one uuid. A table that has neither
-- cannot be sealed anew, and says so.
CREATE FUNCTION sealed_row(a_tbl text) RETURNS text LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
	found text;
BEGIN
	SELECT a.attname INTO found FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum
		WHERE c.relnamespace = 'public'::regnamespace AND c.relname = a_tbl AND a.attnum > 0 AND NOT a.attisdropped
		    AND a.atttypid = 'uuid'::regtype AND (a.attname = 'id' OR i.indrelid IS NOT NULL)
		ORDER BY a.attname = 'id' DESC LIMIT 1;
	IF found IS NULL THEN
		RAISE EXCEPTION 'table % has sealed columns, and neither a uuid id nor a primary key of one uuid', a_tbl;
	END IF;
	RETURN found;
END $$;

CREATE OR REPLACE FUNCTION key_rewrite(a_tbl text, a_col text, a_row uuid, was bytea, fresh bytea) RETURNS boolean
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	n bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM key_column WHERE tbl = a_tbl AND col = a_col) THEN
		RAISE EXCEPTION '%.% depends on no key', a_tbl, a_col USING ERRCODE = 'insufficient_privilege';
	END IF;
	PERFORM set_config('telerx.rewrites', a_tbl, true);
	EXECUTE format('UPDATE %1$I SET %2$I = $3 WHERE %3$I = $1 AND %2$I = $2', a_tbl, a_col, sealed_row(a_tbl)) USING a_row, was, fresh;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM set_config('telerx.rewrites', '', true);
	RETURN n > 0;
END $$;

CREATE OR REPLACE FUNCTION index_rows(a_tbl text, a_col text, a_sealed text, newest integer, most bigint)
	RETURNS TABLE (id uuid, was bytea, sealed bytea) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT %4$I, %1$I, %2$I FROM %3$I WHERE index_version(%1$I) <> $1 ORDER BY %4$I LIMIT $2',
	    a_col, a_sealed, a_tbl, sealed_row(a_tbl)) USING newest, most;
END $$;

CREATE OR REPLACE FUNCTION dek_rows(a_tbl text, a_col text, a_dek bigint, most bigint)
	RETURNS TABLE (id uuid, blob bytea) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT %3$I, %1$I FROM %2$I WHERE substr(%1$I, 3, 8) = int8send($1) ORDER BY %3$I LIMIT $2',
	    a_col, a_tbl, sealed_row(a_tbl)) USING a_dek, most;
END $$;
