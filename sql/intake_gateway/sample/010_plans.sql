-- Sample plans: three intake types, a withdrawn plan among them.
INSERT INTO intake_plans (id, intake_type, name, amount_cents, position, active) VALUES
	('glp1-monthly', 'glp1', 'GLP-1, monthly', 29900, 10, true),
	('glp1-quarterly', 'glp1', 'GLP-1, three months', 79900, 20, true),
	('glp1-launch', 'glp1', 'GLP-1, launch offer', 19900, 30, false),
	('nad-monthly', 'nad', 'NAD+, monthly', 19900, 10, true),
	('microdose-monthly', 'microdose', 'Microdose, monthly', 14900, 10, true)
ON CONFLICT DO NOTHING;
