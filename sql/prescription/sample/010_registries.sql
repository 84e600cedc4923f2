-- What the public registries would say of the sample messages' numbers. Nobody has these; `telerx import npi` and `telerx import ndc` bring the real ones.
INSERT INTO npi (npi, kind, last_name, first_name, credential, state, taxonomy, active) VALUES
	('1234567893', 'person', 'Prescriber', 'Test', 'MD', 'MA', '207R00000X', true),
	('1000000004', 'person', 'Example', 'Robin', 'DO', 'LA', '207Q00000X', true),
	('1111111112', 'person', 'Specimen', 'Kim', 'NP', 'FL', '363LF0000X', true),
	('2000000002', 'person', 'Retired', 'Pat', 'MD', 'MA', '207R00000X', false)
ON CONFLICT (npi) DO NOTHING;

INSERT INTO ndc (ndc, label, drug_name, generic_name, labeler, dosage_form, route, schedule, cold_chain, starts_on, ends_on) VALUES
	('00002751002', '0002-7510-02', 'Humira', 'adalimumab', 'Sample Labeler', 'INJECTION, SOLUTION', 'SUBCUTANEOUS', 'none', true, '2003-01-01', NULL),
	('00574407205', '0574-4072-05', 'Samplestat', 'samplestatin', 'Sample Labeler', 'TABLET', 'ORAL', 'none', false, '2010-01-01', NULL),
	('51655008952', '51655-089-52', 'Exemplar', 'exemplarine', 'Sample Labeler', 'CAPSULE', 'ORAL', 'none', false, '2012-01-01', NULL),
	('58118139703', '58118-1397-3', 'Testolol', 'testolol', 'Sample Labeler', 'TABLET', 'ORAL', 'none', false, '2014-01-01', NULL),
	('11523702001', '11523-7020-1', 'Dormitest', 'dormitestam', 'Sample Labeler', 'TABLET', 'ORAL', 'IV', false, '2015-01-01', NULL),
	('60429032477', '60429-324-77', 'Strictone', 'strictocodone', 'Sample Labeler', 'TABLET', 'ORAL', 'II', false, '2016-01-01', NULL),
	('00781150610', '0781-1506-10', 'Bygone', 'bygonate', 'Sample Labeler', 'TABLET', 'ORAL', 'none', false, '2001-01-01', '2020-12-31')
ON CONFLICT (ndc) DO NOTHING;
