-- Parcels of prescriptions that a network pharmacy sends by a label that we buy at Shippo, beside those by FedEx.

ALTER TABLE shipments
	ADD COLUMN broker text NOT NULL DEFAULT 'fedex' CHECK (broker IN ('fedex', 'shippo')),
	ADD COLUMN pharmacy_id uuid,
	ADD COLUMN cold_chain boolean,				-- NULL until the prescription was read
	ADD COLUMN controlled boolean,
	ADD COLUMN shippo_rate text,				-- what was chosen, before it is bought
	ADD COLUMN service text,				-- usps_priority
	ADD COLUMN label_generation integer NOT NULL DEFAULT 1,	-- a rate that expired unbought is chosen anew
	ADD COLUMN shippo_transaction text,
	ADD COLUMN tracking_url text,
	ADD COLUMN label_url_enc bytea,
	ADD COLUMN eta timestamptz,
	ADD COLUMN last_scan_at timestamptz,
	ADD COLUMN next_check_at timestamptz,
	ALTER COLUMN submission_id DROP NOT NULL,
	DROP CONSTRAINT shipments_kind_check,
	ADD CONSTRAINT shipments_kind_check CHECK (kind IN ('own', 'external', 'prescription')),
	ADD CONSTRAINT shipments_case CHECK (kind = 'prescription' OR submission_id IS NOT NULL);
CREATE INDEX shipments_checks ON shipments (next_check_at) WHERE broker = 'shippo'
	AND status IN ('label_created', 'printed', 'packed', 'shipped', 'in_transit', 'out_for_delivery', 'exception');
CREATE INDEX shipments_asked ON shipments (created_at) WHERE kind = 'prescription' AND status = 'requested';
CREATE INDEX shipments_tracking ON shipments (tracking_number);

-- Which pharmacy sends a prescription: the newest choice.
CREATE TABLE pharmacy_choices (
	prescription_id	uuid NOT NULL,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	pharmacy_id	uuid NOT NULL,
	chosen_at	timestamptz NOT NULL,
	PRIMARY KEY (tenant_id, prescription_id)
);
SELECT protect_table('pharmacy_choices');
