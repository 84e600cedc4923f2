-- The way back of sagas, and what a person decides about them (rules M7 to M9).

-- turn_reason: something that a confirmed step achieved was taken away from outside; the saga turns back when no step is in flight.
-- decision: what a person decided about the step that is manual, until the engine has done it:
-- {"act": confirm, failed or retry, "step", "undo", "reason", "by"}
ALTER TABLE saga ADD COLUMN turn_reason text, ADD COLUMN decision jsonb;

-- The same edges as in fcgi/work/edges.c; a test compares them.
SELECT legal_edges('effect', 'state', 'intent>sent intent>refused intent>manual sent>intent sent>unknown sent>confirmed sent>refused
	sent>manual unknown>intent unknown>sent unknown>confirmed unknown>refused unknown>manual manual>confirmed manual>refused');
SELECT legal_edges('saga', 'state', 'running>completed running>failed running>compensating running>manual
	completed>compensating completed>manual compensating>compensated compensating>manual
	manual>running manual>compensating manual>completed manual>failed');
SELECT legal_edges('saga_step', 'state', 'intent>sent intent>confirmed intent>failed intent>manual
	sent>confirmed sent>failed sent>manual confirmed>compensating confirmed>compensated compensating>compensated compensating>manual
	manual>intent manual>sent manual>confirmed manual>failed manual>compensating manual>compensated');

CREATE INDEX saga_step_of_subject ON saga (subject);
