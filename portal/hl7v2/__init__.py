"""HL7 version 2: reading and writing messages, acknowledgements, MLLP. Knows no slice."""
