-- Each claim that was made: at which pharmacy, by which names it is known there and at the payer, and whether it has to be taken back because another pharmacy
-- fills the prescription.
CREATE TABLE adjudication_claims (
	id		uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	adjudication_id	uuid NOT NULL REFERENCES adjudications (id),
	claim		integer NOT NULL,
	pharmacy_id	text NOT NULL,
	pharmacy_name	text NOT NULL,
	status		text NOT NULL DEFAULT 'made' CHECK (status IN ('made', 'sent', 'taken', 'approved', 'rejected', 'prior_auth_required', 'withdrawn')),
	claim_ref	text,					-- the pharmacy's
	payer_claim_id	text,					-- the payer's, once it answered
	reversal	text CHECK (reversal IN ('due', 'done')),
	reversed_at	timestamptz,
	reversed_by	text,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT adjudication_claims_once UNIQUE (tenant_id, adjudication_id, claim),
	CHECK ((reversal IS NOT NULL AND reversal = 'done') = (reversed_at IS NOT NULL)),
	CHECK ((reversed_at IS NULL) = (reversed_by IS NULL))
);
-- Of claims before these rows only the current ones are known.
ALTER TABLE adjudications NO FORCE ROW LEVEL SECURITY;
INSERT INTO adjudication_claims (tenant_id, adjudication_id, claim, pharmacy_id, pharmacy_name, status, payer_claim_id)
	SELECT tenant_id, id, claim, pharmacy_id, pharmacy_name, CASE status WHEN 'queued' THEN 'made' WHEN 'sending' THEN 'sent' WHEN 'manual' THEN 'sent'
	    WHEN 'claimed' THEN 'taken' ELSE status END, CASE WHEN status = 'approved' THEN payer_claim_id END FROM adjudications;
ALTER TABLE adjudications FORCE ROW LEVEL SECURITY;
SELECT protect_table('adjudication_claims');
SELECT legal_edges('adjudication_claims', 'status', 'made>sent made>withdrawn sent>withdrawn
	sent>taken sent>approved sent>rejected sent>prior_auth_required taken>approved taken>rejected taken>prior_auth_required
	approved>rejected approved>prior_auth_required rejected>approved rejected>prior_auth_required
	prior_auth_required>approved prior_auth_required>rejected');
