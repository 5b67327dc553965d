-- Installs pageinspect out of everybody's search path, on a server of our own only. One message, so one transaction.
--
-- The observer's connections are read only and impatient: both are lifted for this transaction alone.
SET LOCAL transaction_read_only = off;
SET LOCAL statement_timeout = '30s';
SET LOCAL lock_timeout = '10s';
CREATE SCHEMA IF NOT EXISTS overbooked_pageinspect;
CREATE EXTENSION IF NOT EXISTS pageinspect SCHEMA overbooked_pageinspect;
