"""Events in and out: CloudEvents become messages and starts; webhooks are told what happens."""
