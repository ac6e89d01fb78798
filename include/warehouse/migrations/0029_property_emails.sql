-- An e-mail among a call's properties may be anybody's (of an invited colleague …): it says something of that call
-- alone. Run it together with the new code: the old one would not look for it any more.

update sync.key_names
set key = 'property_email', position = 1
where key = 'email' and path = 'properties.email';
