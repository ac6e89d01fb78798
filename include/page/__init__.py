"""What the operators' page shows: queries and JSON, and the files a browser gets."""
