select * from {{ ids_crossings(ref('int_ids_usage'), ref('int_ids_stages'), ref('calls')) }}
