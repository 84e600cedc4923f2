-- Sample medications: the prices are those of the sample plans. Product codes and NDCs are made up.
INSERT INTO medication_configs (intake_type, medication, dosage, position, price_cents, sku, ndc, quantity, supply_days, refills, directions) VALUES
	('glp1', 'semaglutide', '0.25 mg', 1, 29900, 'SMPL-SEMA-025', '70001010101', 4, 28, 2, 'Inject 0.25 mg under the skin once a week.'),
	('glp1', 'semaglutide', '0.5 mg', 2, 29900, 'SMPL-SEMA-050', '70001010102', 4, 28, 2, 'Inject 0.5 mg under the skin once a week.'),
	('glp1', 'semaglutide', '1 mg', 3, 34900, 'SMPL-SEMA-100', '70001010103', 4, 28, 2, 'Inject 1 mg under the skin once a week.'),
	('glp1', 'tirzepatide', '2.5 mg', 4, 29900, 'SMPL-TIRZ-250', '70001010201', 4, 28, 2, 'Inject 2.5 mg under the skin once a week.'),
	('nad', 'NAD+', '100 mg', 1, 19900, 'SMPL-NADP-100', '70001020101', 8, 28, 2, 'Inject 100 mg under the skin twice a week.'),
	('nad', 'NAD+', '200 mg', 2, 19900, 'SMPL-NADP-200', '70001020102', 8, 28, 2, 'Inject 200 mg under the skin twice a week.'),
	('microdose', 'semaglutide', '0.05 mg', 1, 14900, 'SMPL-SEMA-005', '70001030101', 4, 28, 2, 'Inject 0.05 mg under the skin once a week.'),
	('microdose', 'semaglutide', '0.1 mg', 2, 14900, 'SMPL-SEMA-010', '70001030102', 4, 28, 2, 'Inject 0.1 mg under the skin once a week.')
ON CONFLICT DO NOTHING;
