"""What this machine is: the probe and its recorded form."""
