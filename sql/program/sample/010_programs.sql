-- Programs for development: the first is the example of the prescription journey, the others are invented.
INSERT INTO manufacturer_programs (program_id, name, manufacturer, bin, pcn, group_id, insurance_types, excluded_bins,
    target_copay_cents, max_per_rx_cents, max_per_year_cents, min_age, valid_from, valid_until)
SELECT * FROM (VALUES
	('prog_abbvie_humira_2024', 'Humira Complete Savings Card', 'AbbVie', '004682', 'CNRX', 'HUMIRA', '{commercial}'::text[], '{}'::text[],
	    500::bigint, 900000::bigint, 1800000::bigint, NULL::integer, date '2024-01-01', NULL::date),
	('prog_sample_glow_2026', 'Glow Start Card', 'Sample Pharma', '004682', 'CNRX', 'GLOW', '{commercial,cash}', '{}',
	    2500, 15000, 60000, 18, date '2026-01-01', NULL),
	('prog_sample_breeze_2026', 'Breeze Zero Card', 'Sample Pharma', '610020', 'PDMI', 'BREEZE', '{commercial}', '{004336}',
	    0, 40000, NULL, NULL, date '2026-01-01', NULL)
) AS v ON CONFLICT DO NOTHING;
INSERT INTO program_ndcs (program_id, ndc) VALUES
	('prog_abbvie_humira_2024', '00002751002'), ('prog_abbvie_humira_2024', '00074055402'), ('prog_abbvie_humira_2024', '00074433902'),
	('prog_sample_glow_2026', '99990000101'), ('prog_sample_breeze_2026', '99990000202')
ON CONFLICT DO NOTHING;
