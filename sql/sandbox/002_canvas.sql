-- What the practice had set up at Canvas before any of our patients came: three practitioners and the intake questionnaire.
-- All are invented, with the NPIs of the registry's sample physicians.
INSERT INTO object (vendor, type, id, refs, data)
SELECT 'canvas', 'Practitioner', id, ARRAY[id, npi], jsonb_build_object(
	'resourceType', 'Practitioner', 'id', id, 'active', true,
	'identifier', jsonb_build_array(jsonb_build_object('system', 'http://hl7.org/fhir/sid/us-npi', 'value', npi)),
	'name', jsonb_build_array(jsonb_build_object('use', 'usual', 'family', 'Sample', 'given', jsonb_build_array(given), 'text', given || ' Sample ' || suffix)),
	'telecom', jsonb_build_array(
		jsonb_build_object('system', 'email', 'use', 'work', 'value', lower(given) || '.sample@physicians.example'),
		jsonb_build_object('system', 'phone', 'use', 'work', 'value', '5045550100')),
	'qualification', jsonb_build_array(jsonb_build_object('issuer', jsonb_build_object('display', 'LA'),
		'identifier', jsonb_build_array(jsonb_build_object('system', 'http://hl7.org/fhir/v2/0203', 'value', 'LA-' || npi)),
		'period', jsonb_build_object('start', '2020-01-01', 'end', '2034-12-31'))))
FROM (VALUES
	('a1000000000000000000000000000001', '2000000010', 'Avery', 'FNP-C'),
	('a1000000000000000000000000000002', '2000000028', 'Blake', 'MD'),
	('a1000000000000000000000000000003', '2000000036', 'Casey', 'DO')) p (id, npi, given, suffix);

INSERT INTO object (vendor, type, id, refs, data)
SELECT 'canvas', 'Questionnaire', '1f0c9f2e-6b1d-4c57-9a3e-2d5b7c8e0a11', ARRAY['1f0c9f2e-6b1d-4c57-9a3e-2d5b7c8e0a11'], jsonb_build_object(
	'resourceType', 'Questionnaire', 'id', '1f0c9f2e-6b1d-4c57-9a3e-2d5b7c8e0a11', 'name', 'Telehealth intake', 'status', 'active',
	'code', jsonb_build_array(jsonb_build_object('system', 'http://schemas.canvasmedical.com/fhir/systems/internal', 'code', 'TELEHEALTH-INTAKE')),
	'item', (SELECT jsonb_agg(jsonb_build_object('linkId', link, 'text', text, 'type', 'text', 'repeats', false) ORDER BY n) FROM (VALUES
		(1, 'goal', 'What is your goal?'),
		(2, 'thyroid', 'Have you or a relative had medullary thyroid cancer?'),
		(3, 'pancreatitis', 'Have you ever had pancreatitis?'),
		(4, 'pregnancy', 'Are you pregnant or nursing?'),
		(5, 'tried', 'What have you tried so far?'),
		(6, 'surgery', 'Have you had surgery in the last year?'),
		(7, 'kidney', 'Have you had kidney disease?'),
		(8, 'gallbladder', 'Have you had gallbladder disease?'),
		(9, 'alcohol', 'How much alcohol do you drink in a week?'),
		(10, 'smoking', 'Do you smoke?'),
		(11, 'sleep', 'How do you sleep?'),
		(12, 'other', 'Is there anything else that your physician should know?')) q (n, link, text)));
