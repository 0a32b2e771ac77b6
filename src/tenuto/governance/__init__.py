"""Who may: tokens, roles and what they permit, and the key that derives every other secret."""
