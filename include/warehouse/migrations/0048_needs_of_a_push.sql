-- What a push will ask of its destination, counted when it is planned: calls, and the quota as it was told last. See
-- include/push/to_planhat/needs.py. A nullable column: may run before the new code and beside the old one.

alter table sync.runs add column needs jsonb;
