"""From records to rows: what tables and pages show."""
