-- The inbox of the staff moved from integration to case: what is not delivered yet goes there, and in its order.
UPDATE outbox_delivery d SET subscriber = 'case' FROM outbox o
 WHERE o.id = d.outbox_id AND o.topic IN ('attention.raised', 'attention.cleared') AND d.subscriber = 'integration' AND d.state <> 'sent';
