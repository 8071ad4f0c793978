"""A cluster's witness, on the machine that is it: `trebol-witness`. It uses nothing that Debian 12 has not."""
