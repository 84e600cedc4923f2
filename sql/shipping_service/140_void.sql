-- A parcel is taken back before it leaves: its label is voided at the carrier, its entry is dropped from the print queue (X-SAGA-02).
ALTER TABLE shipments DROP CONSTRAINT shipments_status_check,
	ADD CONSTRAINT shipments_status_check CHECK (status IN ('requested', 'label_created', 'printed', 'packed', 'shipped', 'in_transit',
	    'out_for_delivery', 'delivered', 'exception', 'returned', 'voiding', 'voided', 'manual'));
ALTER TABLE print_queue DROP CONSTRAINT print_queue_status_check,
	ADD CONSTRAINT print_queue_status_check CHECK (status IN ('pending', 'printing', 'printed', 'error', 'dropped'));
SELECT legal_edges('print_queue', 'status', 'pending>printing pending>printed printing>printed printing>error pending>error error>pending
	pending>dropped printing>dropped printed>dropped error>dropped');
