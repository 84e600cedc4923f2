-- Sample rules; their numbers and conditions are for a medical director to set. Reasons are told to others in events, so no reason names a condition.
INSERT INTO eligibility_rulesets (version, active) VALUES ('1', true) ON CONFLICT DO NOTHING;
INSERT INTO eligibility_rules (version, position, reason, kind, intake_type, codes, bound) VALUES
	('1', 10, 'state_excluded', 'excluded_state', NULL, '{MN,CA,TX,AR,NC,OK}', NULL),
	('1', 20, 'under_age', 'minimum_age', NULL, '{}', 18),
	('1', 30, 'consent_missing', 'consent', NULL, '{hipaa,telehealth,terms}', NULL),
	('1', 40, 'bmi_too_low', 'minimum_bmi', 'glp1', '{}', 27),
	('1', 50, 'contraindicated', 'excluded_condition', 'glp1', '{C73,Z85.850,E31.2,K85,K86.0,K86.1}', NULL),
	('1', 60, 'contraindicated', 'excluded_condition', NULL, '{O,Z33,Z34}', NULL)
ON CONFLICT DO NOTHING;
