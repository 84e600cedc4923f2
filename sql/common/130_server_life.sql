-- Which life of the server this is. A crash empties an unlogged table, so the id that stands here is of the time since the last one (rule D4):
-- a transaction that was not yet on disk at a crash has left no trace, and its id is given to another one. Whoever asks pg_xact_status about an
-- id of an earlier life may hear of a stranger.
CREATE UNLOGGED TABLE server_life (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	id uuid NOT NULL DEFAULT gen_random_uuid()
);
SELECT grant_table('server_life', 'SELECT');

-- The id, made by the first to ask. As the owner, so that every role that may connect may ask.
CREATE FUNCTION server_life() RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
	life uuid := (SELECT id FROM server_life);
BEGIN
	IF life IS NULL THEN
		INSERT INTO server_life DEFAULT VALUES ON CONFLICT DO NOTHING;
		life := (SELECT id FROM server_life);
	END IF;
	RETURN life;
END $$;
