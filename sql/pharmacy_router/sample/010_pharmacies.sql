-- Sample pharmacies: one that we ship for, licensed in eighteen states, and one that ships itself everywhere else.
INSERT INTO router_pharmacy_config (code, name, adapter, priority, any_state, own_shipping) VALUES
	('gmp', 'Galleria Sample Pharmacy', 'pioneerrx', 10, false, true),
	('boothwyn', 'Boothwyn Sample Pharmacy', 'boothwyn', 20, true, false)
ON CONFLICT DO NOTHING;

INSERT INTO router_pharmacy_states (pharmacy, state)
SELECT 'gmp', unnest(ARRAY['AL', 'AZ', 'CO', 'CT', 'FL', 'GA', 'IL', 'IN', 'LA', 'MD', 'MI', 'NJ', 'NV', 'NY', 'OH', 'PA', 'TN', 'WA'])
ON CONFLICT DO NOTHING;
