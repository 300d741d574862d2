select * from {{ ids_stages(ref('stg_landing__customers')) }}
