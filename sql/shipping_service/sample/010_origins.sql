INSERT INTO ship_origins (pharmacy, contact, company, phone, line1, city, state, zip) VALUES
	('gmp', 'Shipping Desk', 'Galleria Sample Pharmacy', '5045550100', '100 Sample Street', 'New Orleans', 'LA', '70112')
ON CONFLICT DO NOTHING;
