-- The order of money and what is taken back (X-SAGA-01, 02).

-- holds: the pharmacy keeps a prescription on hold until it is released, so it may be submitted before the money is there (rule M6).
-- Only an adapter that can release may hold.
ALTER TABLE router_pharmacy_config ADD COLUMN holds boolean NOT NULL DEFAULT false,
	ADD CONSTRAINT router_pharmacy_holds CHECK (NOT holds OR adapter = 'pioneerrx');

-- cancel_pending: the pharmacy was asked to cancel, or must be as soon as it is known to have the prescription.
ALTER TABLE router_submissions
	ADD COLUMN hold boolean NOT NULL DEFAULT false,
	ADD COLUMN released_at timestamptz,
	DROP CONSTRAINT router_submissions_status_check,
	ADD CONSTRAINT router_submissions_status_check
	    CHECK (status IN ('queued', 'accepted', 'rejected', 'manual', 'shipped', 'delivered', 'cancel_pending', 'cancelled'));
SELECT legal_edges('router_submissions', 'status', 'queued>accepted queued>rejected queued>manual queued>shipped queued>delivered
	queued>cancelled queued>cancel_pending manual>accepted manual>rejected manual>shipped manual>delivered manual>cancelled
	manual>cancel_pending accepted>shipped accepted>cancelled accepted>delivered accepted>cancel_pending
	cancel_pending>cancelled cancel_pending>rejected cancel_pending>shipped cancel_pending>delivered shipped>delivered');
