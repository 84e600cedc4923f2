-- Invitations to enrol; an operator's later toggles stay.
INSERT INTO notification_channel_config (type, email, sms, hubspot, slack) VALUES
	('enrollment_invitation', true, true, false, false),
	('enrollment_reminder',   true, true, false, false)
ON CONFLICT DO NOTHING;
