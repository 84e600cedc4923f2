-- The correction of what was announced before it was taken back; an operator's later toggles stay.
INSERT INTO notification_channel_config (type, email, sms, hubspot, slack) VALUES
	('prescription_withdrawn', true, true, false, false)
ON CONFLICT DO NOTHING;
