-- A sample network. All are invented: the NPIs have a good check digit and start with 2, which has never been issued; the DEA numbers have a good check
-- digit. Two ship to every state by parcel, so that a patient who is not in an excluded state always finds one; the others serve their surroundings.
WITH everywhere AS (
	SELECT ARRAY['AL', 'AK', 'AZ', 'AR', 'CA', 'CO', 'CT', 'DC', 'DE', 'FL', 'GA', 'HI', 'IA', 'ID', 'IL', 'IN', 'KS', 'KY', 'LA', 'MA', 'MD', 'ME', 'MI',
		'MN', 'MO', 'MS', 'MT', 'NC', 'ND', 'NE', 'NH', 'NJ', 'NM', 'NV', 'NY', 'OH', 'OK', 'OR', 'PA', 'RI', 'SC', 'SD', 'TN', 'TX', 'UT', 'VA', 'VT',
		'WA', 'WI', 'WV', 'WY'] AS states
)
INSERT INTO pharmacies (id, name, npi, ncpdp, dea, phone, line1, city, state, zip, states, service_miles, specialty, cold_chain, controlled, compounding,
	drugs, max_days_supply, max_daily_rx, max_concurrent_rx, accuracy, satisfaction, fulfillment_hours, sample)
SELECT ('00000000-0000-7000-8000-0000000000' || code)::uuid, v.name, npi, ncpdp, dea, phone, line1, city, state, zip, coalesce(v.states, e.states), service_miles,
	specialty, cold_chain, controlled, compounding, drugs, days, daily, concurrent, accuracy, satisfaction, hours, true
FROM everywhere e, (VALUES
	('c1', 'SpecialtyRx Sample Pharmacy', '2000000101', '2200001', 'FS9001001', '+16175550101', '123 Main St', 'Boston', 'MA', '02118',
		ARRAY['MA', 'NH', 'RI', 'CT', 'ME', 'VT'], 150, true, true, true, false, '{}'::text[], 90, 300, 5000, 0.9850, 4.60, 18.0),
	('c2', 'Charles River Sample Apothecary', '2000000119', '2200002', NULL, '+16175550102', '40 Sample Ave', 'Cambridge', 'MA', '02138',
		ARRAY['MA'], 40, false, false, false, true, '{}', 30, 40, 400, 0.9700, 4.80, 8.0),
	('c3', 'Hudson Sample Pharmacy', '2000000127', '3300003', 'FS9001013', '+12125550103', '7 Sample Plaza', 'New York', 'NY', '10016',
		ARRAY['NY', 'NJ', 'CT', 'PA'], 120, true, true, true, false, '{}', 90, 200, 3000, 0.9780, 4.30, 24.0),
	('c4', 'Delta Sample Pharmacy', '2000000135', '1900004', 'FS9001025', '+15045550104', '9 Sample Row', 'New Orleans', 'LA', '70112',
		ARRAY['LA', 'MS', 'AL'], 150, false, true, true, false, '{}', 90, 120, 1500, 0.9810, 4.50, 20.0),
	('c5', 'Lakeshore Sample Pharmacy', '2000000143', '1400005', 'FS9001037', '+13125550105', '55 Sample Dr', 'Chicago', 'IL', '60611',
		ARRAY['IL', 'IN', 'WI', 'MI'], 150, true, true, true, true, '{}', 90, 180, 2500, 0.9690, 4.20, 30.0),
	('c6', 'Gulfside Sample Pharmacy', '2000000150', '1000006', NULL, '+18135550106', '300 Sample Blvd', 'Tampa', 'FL', '33602',
		ARRAY['FL', 'GA'], 200, false, true, false, false, '{}', 90, 90, 1200, 0.9600, 4.40, 26.0),
	('c7', 'Columbia Sample Pharmacy', '2000000168', '3800007', 'FS9001049', '+15035550107', '12 Sample Ter', 'Portland', 'OR', '97205',
		ARRAY['OR', 'WA', 'ID'], 200, true, true, true, false, '{}', 90, 110, 1500, 0.9880, 4.70, 22.0),
	('c8', 'Front Range Sample Pharmacy', '2000000176', '0600008', NULL, '+13035550108', '88 Sample Pkwy', 'Denver', 'CO', '80202',
		ARRAY['CO', 'WY', 'NM', 'UT'], 250, false, false, false, false, '{}', 30, 70, 900, 0.9550, 4.10, 36.0),
	('c9', 'Meridian Sample Mail Pharmacy', '2000000184', '3900009', 'FS9001051', '+12155550109', '1 Sample Center', 'Philadelphia', 'PA', '19103',
		NULL, 9000, true, true, true, false, '{}', 90, 1000, 20000, 0.9900, 4.40, 40.0),
	('ca', 'Plains Sample Mail Pharmacy', '2000000192', '2600010', 'FS9001063', '+18165550110', '200 Sample Loop', 'Kansas City', 'MO', '64106',
		NULL, 9000, true, true, true, true, '{}', 90, 800, 15000, 0.9750, 4.00, 46.0)
) AS v (code, name, npi, ncpdp, dea, phone, line1, city, state, zip, states, service_miles, specialty, cold_chain, controlled, compounding, drugs, days, daily,
	concurrent, accuracy, satisfaction, hours)
ON CONFLICT DO NOTHING;

-- The seed's payer is preferred at some; the two mail pharmacies and some others take whatever a patient has.
INSERT INTO pharmacy_contracts (pharmacy_id, payer, bin, tier)
SELECT ('00000000-0000-7000-8000-0000000000' || c.code)::uuid, c.payer, c.bin, c.tier FROM (VALUES
	('c1', 'Blue Cross', NULL, 'preferred'), ('c1', '*', NULL, 'standard'),
	('c2', 'Blue Cross', NULL, 'standard'), ('c2', 'Sample Health Plan', '610014', 'preferred'),
	('c3', 'Blue Cross', NULL, 'preferred'), ('c3', '*', NULL, 'standard'),
	('c4', 'Blue Cross', NULL, 'standard'), ('c4', '*', NULL, 'standard'),
	('c5', 'Blue Cross', NULL, 'preferred'), ('c5', '*', NULL, 'out_of_network'),
	('c6', 'Blue Cross', NULL, 'standard'), ('c6', '*', NULL, 'out_of_network'),
	('c7', 'Blue Cross', NULL, 'preferred'), ('c7', '*', NULL, 'standard'),
	('c8', 'Blue Cross', NULL, 'standard'),
	('c9', 'Blue Cross', NULL, 'standard'), ('c9', '*', NULL, 'standard'),
	('ca', 'Blue Cross', NULL, 'standard'), ('ca', '*', NULL, 'out_of_network')
) AS c (code, payer, bin, tier)
WHERE NOT EXISTS (SELECT FROM pharmacy_contracts);
