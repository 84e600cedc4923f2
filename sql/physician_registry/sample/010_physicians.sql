-- Sample physicians. All are invented: the NPIs have a good check digit and start with 2, which has never been issued.
-- In each served state exactly three may claim on yourera; the last two never may: wrong platform, expired licence.
INSERT INTO physicians (id, npi, first_name, last_name, credentials, email, platform, active, sample) VALUES
	('00000000-0000-7000-8000-0000000000a1', '2000000010', 'Avery', 'Sample', 'FNP-C', 'avery.sample@physicians.example', 'yourera', true, true),
	('00000000-0000-7000-8000-0000000000a2', '2000000028', 'Blake', 'Sample', 'MD', 'blake.sample@physicians.example', 'both', true, true),
	('00000000-0000-7000-8000-0000000000a3', '2000000036', 'Casey', 'Sample', 'DO', 'casey.sample@physicians.example', 'yourera', true, true),
	('00000000-0000-7000-8000-0000000000a4', '2000000044', 'Devon', 'Sample', 'MD', 'devon.sample@physicians.example', 'yourera', true, true),
	('00000000-0000-7000-8000-0000000000b1', '2000000051', 'Ellis', 'Otherplatform', 'MD', 'ellis.sample@physicians.example', 'guideglp', true, true),
	('00000000-0000-7000-8000-0000000000b2', '2000000069', 'Finley', 'Expired', 'DO', 'finley.sample@physicians.example', 'yourera', true, true)
ON CONFLICT DO NOTHING;

-- The eighteen states of our own pharmacy: Avery; the others: Devon; everywhere: Blake, Casey, and the two who may not claim.
WITH served AS (
	SELECT s AS state, s = ANY (ARRAY['AL', 'AZ', 'CO', 'CT', 'FL', 'GA', 'IL', 'IN', 'LA', 'MD', 'MI', 'NJ', 'NV', 'NY', 'OH', 'PA', 'TN', 'WA']) AS own
	FROM unnest(ARRAY['AL', 'AK', 'AZ', 'CO', 'CT', 'DC', 'DE', 'FL', 'GA', 'HI', 'IA', 'ID', 'IL', 'IN', 'KS', 'KY', 'LA', 'MA', 'MD', 'ME', 'MI', 'MO',
		'MS', 'MT', 'ND', 'NE', 'NH', 'NJ', 'NM', 'NV', 'NY', 'OH', 'OR', 'PA', 'RI', 'SC', 'SD', 'TN', 'UT', 'VA', 'VT', 'WA', 'WI', 'WV', 'WY']) s
), holder AS (
	SELECT p.id, p.credentials, right(p.id::text, 2) AS code FROM physicians p WHERE p.sample
)
INSERT INTO physician_licenses (physician_id, state, license_number, license_type, expires_on)
SELECT h.id, s.state, s.state || '-SAMPLE-' || upper(h.code), h.credentials,
	CASE WHEN h.code = 'b2' THEN date '2020-01-31' ELSE current_date + 1095 END
FROM holder h CROSS JOIN served s
WHERE CASE h.code WHEN 'a1' THEN s.own WHEN 'a4' THEN NOT s.own ELSE true END
ON CONFLICT DO NOTHING;

INSERT INTO physician_routing (platform, state, priority, physician_id)
SELECT 'yourera', l.state, CASE right(l.physician_id::text, 2) WHEN 'a1' THEN 10 ELSE 100 END, l.physician_id
FROM physician_licenses l
WHERE l.physician_id IN ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000a2')
ON CONFLICT DO NOTHING;
