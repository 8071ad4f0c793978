"""The probe: from sysfs, procfs, DMI and udev to `Machine`; see `trebol_hardware.probe.whole`. Whoever wants one part
of it loads that alone."""
