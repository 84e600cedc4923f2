-- The pharmacies' webhooks move into the table that every vendor's are kept in. What came before stays known, and its bytes stay where they were sealed.
INSERT INTO webhook (id, tenant_id, vendor, event_id, type, state, outcome, digest, received_at, handled_at)
	SELECT id, tenant_id, vendor, event_key, 'status', 'handled', outcome, sha256(convert_to(event_key, 'UTF8')), received_at, received_at FROM vendor_events;
ALTER TABLE vendor_events RENAME TO vendor_events_before;
CREATE VIEW vendor_events WITH (security_invoker = true) AS
	SELECT id, tenant_id, vendor, event_id AS event_key, outcome, received_at FROM webhook;
SELECT grant_table('vendor_events', 'SELECT');
CREATE INDEX router_submissions_vendor_order ON router_submissions (vendor_order);
