-- The matrix of the ten types (Y-NOTIF-03 to 12) and the code mail, for the default tenant; an operator's later toggles stay.
INSERT INTO notification_channel_config (type, email, sms, hubspot, slack) VALUES
	('prescription_approved', true,  true,  true,  false),
	('prescription_denied',   true,  true,  false, false),
	('shipment_update',       true,  true,  true,  false),
	('payment_charged',       true,  true,  true,  false),
	('payment_failed',        true,  true,  false, false),
	('provider_message',      true,  true,  true,  false),
	('refill_reminder',       true,  true,  false, false),
	('welcome',               true,  false, true,  false),
	('physician_new_task',    true,  false, false, true),
	('admin_alert',           false, false, false, true),
	('verification_code',     true,  false, false, false)
ON CONFLICT DO NOTHING;
