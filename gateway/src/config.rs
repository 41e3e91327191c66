//! Configuration: one YAML file, then environment, then flags, parsed once into typed structs.
