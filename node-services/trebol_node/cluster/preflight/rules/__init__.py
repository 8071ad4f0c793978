"""What the facts mean, a module for each kind of them: functions of `Facts` that yield what is wrong. Pure."""
