-- Payment by a link, and the way of a parcel whose drug nobody names; an operator's later toggles stay.
INSERT INTO notification_channel_config (type, email, sms, hubspot, slack) VALUES
	('payment_link',        true, true,  false, false),
	('payment_reminder',    true, true,  false, false),
	('payment_receipt',     true, false, false, false),
	('payment_refunded',    true, false, false, false),
	('parcel_shipped',      true, true,  false, false),
	('parcel_out',          true, true,  false, false),
	('parcel_delivered',    true, true,  false, false)
ON CONFLICT DO NOTHING;
