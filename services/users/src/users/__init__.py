"""Who people are: accounts, sessions and their keys, profiles, preferences, who follows whom."""
