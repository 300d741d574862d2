-- Fails if two rows of one key are valid on the same day: a call of that day would have two prices.
{% test no_overlap(model, key) %}
select earlier.*
from {{ model }} as earlier
inner join {{ model }} as later
    on {% for column in key %}earlier.{{ column }} = later.{{ column }} and {% endfor %}earlier.valid_from < later.valid_from
where later.valid_from < earlier.valid_to
{% endtest %}
