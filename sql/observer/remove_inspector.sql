-- Takes away what install_inspector.sql made.
SET LOCAL transaction_read_only = off;
DROP SCHEMA IF EXISTS overbooked_pageinspect CASCADE;
