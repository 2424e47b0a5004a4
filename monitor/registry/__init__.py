"""The rights registry: works, rights and papers taken in, proved and made ready for each platform."""
