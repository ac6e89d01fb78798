-- One row an enduser in Planhat, day that is over and event: how often it was done, from the day on which sending
-- began. A contract: see to_planhat__activity.yml. A view: it costs what those days hold, when a push asks.

with usage_daily as (

    select * from {{ ref('usage_daily') }}
    where object_type = 'enduser'

),

endusers as (

    select * from {{ ref('stg_planhat__endusers') }}
    where deleted_at is null

),

companies as (

    select * from {{ ref('stg_planhat__companies') }}

),

outbound as (

    select * from {{ ref('stg_settings__planhat_outbound') }}
    where model = 'activity'

),

addressed as (

    select
        *,
        count(*) over (partition by company_id, email) as of_its_address
    from endusers

),

final as (

    select
        -- keys
        concat_ws(
            ' ',
            usage_daily.object_id,
            usage_daily.activity_date,
            case when usage_daily.type <> 'track' then usage_daily.type end,
            md5(usage_daily.event)
        ) as object_id,
        addressed.enduser_id,
        addressed.external_id,
        addressed.email,
        addressed.company_id,
        companies.external_id as company_external_id,

        -- what it says
        usage_daily.activity_date,
        usage_daily.event,
        usage_daily.activities::bigint as count,
        trim_scale(usage_daily.weight / usage_daily.activities) as weight,

        -- why it must not go
        case
            when addressed.external_id is null and (addressed.email is null or addressed.of_its_address > 1)
                then 'nobody_to_name'
        end as withheld
    from usage_daily
    inner join outbound on usage_daily.activity_date >= outbound.since
    inner join addressed on usage_daily.object_id = addressed.enduser_id
    left join companies on addressed.company_id = companies.company_id
    where
        usage_daily.activity_date < (now() at time zone 'UTC')::date
        and usage_daily.activities > 0

)

select * from final
