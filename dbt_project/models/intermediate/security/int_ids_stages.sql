select * from {{ ids_stages(ref('int_customers')) }}
