reasoner-webhooks doctor
