-- What marts.quality looks for: companies that endusers were in before, and from how many on a key is odd. May run before
-- the new code and beside the old one, which keeps no former company.

-- Written when a read finds an enduser in another company than the read before.
create table raw_planhat.former_companies (
    planhat_id text not null,
    -- _id of the company
    company text not null,
    -- the last read that found the enduser in it
    last_read_id bigint not null
);
create unique index former_companies_key on raw_planhat.former_companies (planhat_id, md5(company));

insert into sync.thresholds (threshold, value, unit, meaning)
values
    ('odd_address_companies', 5, 'companies', 'marts.quality: an e-mail address of so many is a shared one'),
    ('odd_domain_companies', 20, 'companies', 'a domain of e-mails of so many tells no company'),
    (
        'odd_id_devices', 20, 'devices',
        'a user id or e-mail of so many, or a device of so many users, may stand for nobody, if it has five times as many as others'
    ),
    ('odd_id_companies', 10, 'companies', 'so may a user id that is known in so many, if in five times as many as others');
