reasoner-webhooks credential check < suspicious.log
git log -p --all | reasoner-webhooks credential check --json
