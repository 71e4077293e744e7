// The credentials "reasoner": username {{ username }}, and its password.
httpRequest url: '{{ endpoint }}',
    httpMethod: 'POST',
    contentType: 'APPLICATION_JSON',
    authentication: 'reasoner',
    requestBody: '{"message": "Hello from webhook!"}'
