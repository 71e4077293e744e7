wget --quiet --output-document=- --header="Content-Type: application/json" --post-data='{}' "{{ address }}"
