"$SENDERS_PYTHON/bin/http" --ignore-stdin --check-status POST "{{ address }}" a=b
