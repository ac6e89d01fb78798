-- One row a company in Planhat, deleted ones included with deleted_at.

with companies as (

    select * from {{ ref('stg_planhat__companies') }}

)

select * from companies
