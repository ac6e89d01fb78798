"""What is known of people and who may know it: hashes, suppression, field rules, the audit."""
