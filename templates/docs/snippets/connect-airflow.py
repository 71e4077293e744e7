# The connection "reasoner": type HTTP, host {{ endpoint }},
# login {{ username }}, and its password.
from airflow.providers.http.operators.http import HttpOperator

tell = HttpOperator(
    task_id="tell_reasoner",
    http_conn_id="reasoner",
    endpoint="/",
    method="POST",
    headers={"Content-Type": "application/json"},
    data='{"message": "Hello from webhook!"}',
)
