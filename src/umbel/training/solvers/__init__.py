"""Pure mathematics behind the classical learners: arrays in, arrays out."""
