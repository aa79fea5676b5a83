"""The languages, one TOML file each."""
