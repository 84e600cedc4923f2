-- Labels are found by what Shippo calls them.
CREATE INDEX shipments_transaction ON shipments (shippo_transaction) WHERE shippo_transaction IS NOT NULL;
